// Checks Vercel's AI SDK against a gateway, with its providers for OpenAI (Responses and
// chat), Anthropic and Google. The argument says which: chat, responses, messages or gemini.
//
//   BASE_URL  such as http://127.0.0.1:8080
//   API_KEY   a key that may ask for the models
//   MODELS    such as anthropic,openai: each answers like llmtest.Model, and its name with
//             -fail-STATUS, -cut or -stall behind it has that fault

import assert from 'node:assert/strict';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogle } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, generateText, isStepCount, jsonSchema, Output, streamText, tool } from 'ai';

import { collect, failure, reportEach, said, weatherSchema } from './checks.mjs';

const settings = { apiKey: process.env.API_KEY };
const providers = {
  chat: (s) => createOpenAI({ ...s, baseURL: process.env.BASE_URL + '/v1' }).chat,
  responses: (s) => createOpenAI({ ...s, baseURL: process.env.BASE_URL + '/v1' }).responses,
  messages: (s) => createAnthropic({ ...s, baseURL: process.env.BASE_URL + '/v1' }),
  gemini: (s) => createGoogle({ ...s, baseURL: process.env.BASE_URL + '/v1beta' }),
};
const provider = (s = settings) => providers[process.argv[2]](s);

const prompt = 'Say something nice about gateways.';
const ask = (model, more = {}) => ({ model: provider()(model), prompt, maxRetries: 0, ...more });

function weather() {
  const seen = [];
  const execute = (input) => {
    seen.push(input);
    return '21 degrees';
  };
  return { seen, tools: { get_weather: tool({ description: 'The weather in a city', inputSchema: jsonSchema(weatherSchema), execute }) } };
}

// quiet keeps the SDK from printing the errors that a check wants.
const quiet = { onError() {} };

function assertUsage(usage) {
  assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0, JSON.stringify(usage));
}

await reportEach({
  async 'text'(model) {
    const result = await generateText(ask(model, { instructions: 'Be kind.' }));
    assert.equal(result.text, said.text);
    assert.equal(result.finishReason, 'stop');
    assertUsage(result.usage);
  },

  async 'stream'(model) {
    const result = streamText(ask(model));
    const pieces = await collect(result.textStream);
    assert.equal(pieces.join(''), said.text);
    assert.ok(pieces.length > 1, `${pieces.length} pieces`);
    assert.equal(await result.finishReason, 'stop');
    assertUsage(await result.usage);
  },

  async 'tool loop'(model) {
    const { seen, tools } = weather();
    const result = await generateText(ask(model, { tools, prompt: 'The weather in both cities?', stopWhen: isStepCount(3) }));
    assert.deepEqual(seen, [said.answer, said.answer]);
    assert.equal(result.text, said.result);
  },

  async 'tool loop streamed'(model) {
    const { seen, tools } = weather();
    const result = streamText(ask(model, { tools, prompt: 'The weather in both cities?', stopWhen: isStepCount(3) }));
    assert.equal(await result.text, said.result);
    assert.deepEqual(seen, [said.answer, said.answer]);
  },

  async 'structured output'(model) {
    const output = Output.object({ schema: jsonSchema(weatherSchema) });
    assert.deepEqual((await generateText(ask(model, { output }))).output, said.answer);
    assert.deepEqual(await streamText(ask(model, { output })).output, said.answer);
  },

  async 'errors'(model) {
    for (const [name, status] of [[model + 's', 404], [model + '-fail-429', 429], [model + '-fail-503', 503]]) {
      const error = await failure(generateText(ask(name)));
      assert.ok(APICallError.isInstance(error), String(error));
      assert.equal(error.statusCode, status);
      assert.ok(error.message.length > 10 && !error.message.startsWith('{'), error.message); // it was read
    }
    const stranger = provider({ apiKey: 'sk-nobody-has-this-key' })(model);
    assert.equal((await failure(generateText(ask(model, { model: stranger })))).statusCode, 401);
  },

  async 'cut stream'(model) {
    const parts = await collect(streamText(ask(model + '-cut', quiet)).fullStream);
    assert.ok(parts.some((part) => part.type === 'error'), JSON.stringify(parts.map((part) => part.type)));
  },

  async 'abort'(model) {
    const abort = new AbortController();
    const parts = [];
    for await (const part of streamText(ask(model + '-stall', { ...quiet, abortSignal: abort.signal })).fullStream) {
      parts.push(part.type);
      if (part.type === 'text-delta') abort.abort();
    }
    assert.ok(parts.includes('abort'), parts.join());
    assert.equal((await generateText(ask(model))).text, said.text);
  },
});
