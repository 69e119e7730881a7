// Checks Google's official client for Node against a gateway, for each model of MODELS. The
// environment is that of anthropic.mjs.

import assert from 'node:assert/strict';
import { ApiError, GoogleGenAI, Type } from '@google/genai';

import { collect, failure, reportEach, said, weatherSchema } from './checks.mjs';

const client = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: process.env.BASE_URL } });
const connect = (apiKey = process.env.API_KEY) => client(apiKey).models;
const ask = (model, config, contents = 'Say something nice about gateways.') => ({ model, contents, config });

function assertReply(reply) {
  assert.equal(reply.text, said.text);
  assert.equal(reply.candidates[0].finishReason, 'STOP');
  assert.ok(reply.usageMetadata.totalTokenCount > 0);
}

await reportEach({
  async 'generate'(model) {
    assertReply(await connect().generateContent(ask(model, { systemInstruction: 'Be kind.' })));
  },

  async 'stream'(model) {
    const chunks = await collect(await connect().generateContentStream(ask(model)));
    assert.equal(chunks.map((chunk) => chunk.text).join(''), said.text);
    assert.equal(chunks.at(-1).candidates[0].finishReason, 'STOP');
  },

  async 'tool loop'(model) {
    const tools = [{ functionDeclarations: [{ name: 'get_weather', parametersJsonSchema: weatherSchema }] }];
    const asked = { role: 'user', parts: [{ text: 'The weather in both cities?' }] };
    const first = await connect().generateContent(ask(model, { tools }, [asked]));
    assert.deepEqual(first.functionCalls.map((call) => call.args), [said.answer, said.answer]);
    const results = first.functionCalls.map(({ id, name }) => ({ functionResponse: { id, name, response: { output: '21 degrees' } } }));
    const contents = [asked, first.candidates[0].content, { role: 'user', parts: results }];
    assert.equal((await connect().generateContent(ask(model, { tools }, contents))).text, said.result);
  },

  async 'tool loop streamed'(model) {
    const parameters = { type: Type.OBJECT, properties: { city: { type: Type.STRING }, degrees: { type: Type.NUMBER, nullable: true } }, required: ['city'] };
    const tools = [{ functionDeclarations: [{ name: 'get_weather', description: 'The weather in a city', parameters }] }];
    const chat = client(process.env.API_KEY).chats.create({ model, config: { tools } });
    const chunks = await collect(await chat.sendMessageStream({ message: 'The weather in both cities?' }));
    const calls = chunks.flatMap((chunk) => chunk.functionCalls ?? []);
    assert.deepEqual(calls.map((call) => call.args), [said.answer, said.answer]);
    const message = calls.map(({ id, name }) => ({ functionResponse: { id, name, response: { output: '21 degrees' } } }));
    assert.equal((await chat.sendMessage({ message })).text, said.result);
    assert.deepEqual(chat.getHistory(true).at(-1).role, 'model');
    assert.ok(chat.getHistory(true).length >= 4, JSON.stringify(chat.getHistory(true)));
  },

  async 'thoughts'(model) {
    const config = { thinkingConfig: { thinkingBudget: 1024, includeThoughts: true } };
    const chat = client(process.env.API_KEY).chats.create({ model, config });
    const parts = (await collect(await chat.sendMessageStream({ message: 'Think.' }))).flatMap((chunk) => chunk.candidates[0].content.parts);
    assert.equal(parts.filter((part) => !part.thought).map((part) => part.text).join(''), said.text);
    for (const part of parts.filter((part) => part.thought)) assert.ok(said.thinking.includes(part.text), part.text);
    const again = await chat.sendMessage({ message: 'Again.' });
    assert.equal(again.text, said.text);
    const hidden = await connect().generateContent(ask(model, { thinkingConfig: { thinkingBudget: 1024 } }));
    assert.ok(hidden.candidates[0].content.parts.every((part) => !part.thought || model === 'gemini'), JSON.stringify(hidden.candidates));
  },

  async 'structured output'(model) {
    const typed = { type: Type.OBJECT, properties: { city: { type: Type.STRING }, degrees: { type: Type.NUMBER } }, required: ['city', 'degrees'] };
    for (const schema of [{ responseJsonSchema: weatherSchema }, { responseSchema: typed }]) {
      const config = { responseMimeType: 'application/json', ...schema };
      assert.deepEqual(JSON.parse((await connect().generateContent(ask(model, config))).text), said.answer);
      const chunks = await collect(await connect().generateContentStream(ask(model, config)));
      assert.deepEqual(JSON.parse(chunks.map((chunk) => chunk.text).join('')), said.answer);
    }
  },

  async 'media'(model) {
    const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    const parts = [{ text: 'What is it?' }, { inlineData: { mimeType: 'image/png', data: pixel } }];
    assertReply(await connect().generateContent(ask(model, undefined, [{ role: 'user', parts }])));
  },

  async 'cut stream'(model) {
    const stream = await connect().generateContentStream(ask(model + '-cut'));
    assert.ok((await failure(collect(stream))) instanceof Error);
  },

  async 'abort'(model) {
    const abort = new AbortController();
    const stream = await connect().generateContentStream(ask(model + '-stall', { abortSignal: abort.signal }));
    const error = await failure((async () => {
      for await (const chunk of stream) if (chunk.text) abort.abort();
    })());
    assert.equal(error.name, 'AbortError', String(error));
    assertReply(await connect().generateContent(ask(model)));
  },

  async 'errors'(model) {
    for (const [name, status] of [[model + 's', 404], [model + '-fail-429', 429], [model + '-fail-503', 503]]) {
      const error = await failure(connect().generateContent(ask(name)));
      assert.ok(error instanceof ApiError, String(error));
      assert.equal(error.status, status);
      assert.equal(JSON.parse(error.message).error.code, status);
    }
    assert.equal((await failure(connect('sk-nobody').generateContent(ask(model)))).status, 401);
    if (model === 'gemini') return; // where the provider decides
    const wrong = await failure(connect().generateContent(ask(model, undefined, [{ role: 'user', parts: [{ functionResponse: { response: {} } }] }])));
    assert.match(wrong.message, /contents\[0\]\.parts\[0\]\.functionResponse/);
  },
});
