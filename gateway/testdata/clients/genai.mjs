// Checks Google's official client for Node against a gateway, for each model of MODELS. The
// environment is that of anthropic.mjs.

import assert from 'node:assert/strict';
import { ApiError, GoogleGenAI } from '@google/genai';

import { collect, failure, reportEach, said, weatherSchema } from './checks.mjs';

const connect = (apiKey = process.env.API_KEY) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: process.env.BASE_URL } }).models;
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

  async 'structured output'(model) {
    const config = { responseMimeType: 'application/json', responseJsonSchema: weatherSchema };
    assert.deepEqual(JSON.parse((await connect().generateContent(ask(model, config))).text), said.answer);
  },

  async 'errors'(model) {
    for (const [name, status] of [[model + 's', 404], [model + '-fail-429', 429], [model + '-fail-503', 503]]) {
      const error = await failure(connect().generateContent(ask(name)));
      assert.ok(error instanceof ApiError, String(error));
      assert.equal(error.status, status);
      assert.equal(JSON.parse(error.message).error.code, status);
    }
    assert.ok((await failure(connect('sk-nobody').generateContent(ask(model)))) instanceof ApiError);
  },
});
