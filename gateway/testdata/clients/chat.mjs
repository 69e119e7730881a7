// Checks OpenAI's official client for Node at the chat completions of a gateway, for each model
// of MODELS.
//
//   BASE_URL  such as http://127.0.0.1:8080
//   API_KEY   a key that may ask for the models
//   MODELS    such as anthropic,gemini: each answers like llmtest.Model, and its name with
//             -fail-STATUS, -cut or -stall behind it has that fault

import assert from 'node:assert/strict';
import OpenAI from 'openai';

import { collect, failure, reportEach, said, weatherSchema } from './checks.mjs';

const question = [{ role: 'user', content: 'Say something nice about gateways.' }];
const both = [{ role: 'user', content: 'The weather in both cities?' }];
const weather = { type: 'function', function: { name: 'get_weather', description: 'The weather in a city', strict: true, parameters: weatherSchema } };

const connect = (apiKey = process.env.API_KEY) => new OpenAI({ baseURL: process.env.BASE_URL + '/v1', apiKey, maxRetries: 0 }).chat.completions;

function assertText(completion, text = said.text) {
  const [choice] = completion.choices;
  assert.equal(choice.message.content, text);
  assert.equal(choice.finish_reason, 'stop');
  const { prompt_tokens, completion_tokens, total_tokens } = completion.usage;
  assert.ok(prompt_tokens > 0 && completion_tokens > 0 && total_tokens === prompt_tokens + completion_tokens, JSON.stringify(completion.usage));
}

// runner has the client call the tool, and returns what it was called with.
async function runTools(ask) {
  const seen = [];
  const run = (input) => {
    seen.push(input);
    return '21 degrees';
  };
  const tools = [{ ...weather, function: { ...weather.function, parse: JSON.parse, function: run } }];
  const running = connect().runTools({ ...ask, tools });
  assert.equal(await running.finalContent(), said.result);
  return seen;
}

await reportEach({
  async 'completion'(model) {
    assertText(await connect().create({ model, messages: question }));
  },

  async 'stream helper'(model) {
    let deltas = '';
    const running = connect().stream({ model, messages: question, stream_options: { include_usage: true } });
    running.on('content', (delta) => (deltas += delta));
    assertText(await running.finalChatCompletion());
    assert.equal(deltas, said.text);
  },

  async 'tool loop'(model) {
    assert.deepEqual(await runTools({ model, messages: question }), [said.answer]);
    assert.deepEqual(await runTools({ model, messages: both }), [said.answer, said.answer]);
  },

  async 'tool loop streamed'(model) {
    assert.deepEqual(await runTools({ model, messages: both, stream: true }), [said.answer, said.answer]);
  },

  async 'errors'(model) {
    for (const [name, Class, status] of [
      [model + 's', OpenAI.NotFoundError, 404],
      [model + '-fail-429', OpenAI.RateLimitError, 429],
      [model + '-fail-503', OpenAI.InternalServerError, 503],
    ]) {
      const error = await failure(connect().create({ model: name, messages: question }));
      assert.ok(error instanceof Class, `raised ${error?.constructor?.name} (${error}), want ${Class.name}`);
      assert.equal(error.status, status);
    }
    assert.ok((await failure(connect().create({ model, messages: 'hello' }))) instanceof OpenAI.BadRequestError);
    assert.ok((await failure(connect('sk-nobody-has-this-key').create({ model, messages: question }))) instanceof OpenAI.AuthenticationError);
  },

  async 'cut stream'(model) {
    const error = await failure(connect().stream({ model: model + '-cut', messages: question }).finalChatCompletion());
    assert.ok(error instanceof OpenAI.OpenAIError, `raised ${error?.constructor?.name} (${error})`);
  },

  async 'abort'(model) {
    const running = connect().stream({ model: model + '-stall', messages: question });
    running.on('chunk', () => running.abort());
    assert.ok((await failure(running.finalChatCompletion())) instanceof OpenAI.APIUserAbortError);
    const stream = await connect().create({ model: model + '-stall', messages: question, stream: true });
    const rest = collect(stream);
    stream.controller.abort();
    await rest;
    assertText(await connect().create({ model, messages: question }));
  },
});
