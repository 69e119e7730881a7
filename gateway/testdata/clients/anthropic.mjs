// Checks Anthropic's official client for Node against a gateway, for each model of MODELS.
//
//   BASE_URL  such as http://127.0.0.1:8080
//   API_KEY   a key that may ask for the models
//   MODELS    such as anthropic,openai: each answers like llmtest.Model, and its name with
//             -fail-STATUS, -cut or -stall behind it has that fault

import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { jsonSchemaOutputFormat } from '@anthropic-ai/sdk/helpers/json-schema';

import { collect, failure, reportEach, said, weatherSchema } from './checks.mjs';

const question = [{ role: 'user', content: 'Say something nice about gateways.' }];
const weather = { name: 'get_weather', description: 'The weather in a city', input_schema: weatherSchema };

function connect(options = {}) {
  const sent = { requests: 0 };
  const client = new Anthropic({
    baseURL: process.env.BASE_URL,
    apiKey: process.env.API_KEY,
    authToken: null,
    fetch: (url, init) => {
      sent.requests++;
      return fetch(url, init);
    },
    ...options,
  });
  return { client, messages: client.messages, sent };
}

const ask = (model, more = {}) => ({ model, max_tokens: 2048, messages: question, ...more });

function assertText(message, text = said.text) {
  assert.equal(message.type, 'message');
  assert.equal(message.role, 'assistant');
  assert.deepEqual(message.content.map((block) => block.type), ['text'], JSON.stringify(message.content));
  assert.equal(message.content[0].text, text);
  assert.equal(message.stop_reason, 'end_turn');
  assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0, JSON.stringify(message.usage));
}

function assertError(error, Class, status, type, sent) {
  assert.ok(error instanceof Class, `raised ${error?.constructor?.name} (${error}), want ${Class.name}`);
  assert.equal(error.status, status);
  assert.equal(error.error.type, 'error');
  assert.match(error.error.error.type, type);
  assert.ok(error.error.error.message.length > 10, JSON.stringify(error.error));
  assert.equal(sent.requests, 1, `the client sent ${sent.requests} requests, want 1`);
}

// assertCalls checks the calls of a reply, and returns a conversation with their results.
function withResults(message, count) {
  const calls = message.content.filter((block) => block.type === 'tool_use');
  assert.equal(calls.length, count, JSON.stringify(message.content));
  assert.equal(message.stop_reason, 'tool_use');
  assert.equal(new Set(calls.map((call) => call.id)).size, count, 'calls share an id');
  for (const call of calls) {
    assert.equal(call.name, 'get_weather');
    assert.deepEqual(call.input, said.answer);
  }
  const results = calls.map((call) => ({ type: 'tool_result', tool_use_id: call.id, content: '21 degrees' }));
  return [{ role: 'user', content: 'What is the weather?' }, { role: 'assistant', content: message.content }, { role: 'user', content: results }];
}

await reportEach({
  async 'message'(model) {
    const { data, response } = await connect().messages.create(ask(model)).withResponse();
    assertText(data);
    assert.ok(response.headers.get('x-penstock-request-id'), 'no x-penstock-request-id');
  },

  async 'bearer token'(model) {
    assertText(await connect({ apiKey: null, authToken: process.env.API_KEY }).messages.create(ask(model)));
  },

  async 'beta'(model) {
    const { client } = connect();
    assertText(await client.beta.messages.create(ask(model, { betas: ['context-management-2025-06-27'] })));
  },

  async 'stream'(model) {
    const events = await collect(await connect().messages.create(ask(model, { stream: true })));
    assert.deepEqual(
      events.map((e) => e.type).filter((type, i, all) => type !== all[i - 1]),
      ['message_start', 'content_block_start', 'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop'],
    );
    assert.ok(events.length > 7, `${events.length} events`);
  },

  async 'stream helper'(model) {
    const stream = connect().messages.stream(ask(model, { system: 'Be kind.' }));
    let text = '';
    stream.on('text', (delta) => (text += delta));
    assertText(await stream.finalMessage());
    assert.equal(text, said.text);
  },

  async 'thinking'(model) {
    const params = ask(model, { thinking: { type: 'enabled', budget_tokens: 1024 } });
    for (const message of [await connect().messages.create(params), await connect().messages.stream(params).finalMessage()]) {
      assert.deepEqual(message.content.map((block) => block.type), ['thinking', 'text'], JSON.stringify(message.content));
      assert.equal(message.content[0].thinking, said.thinking);
      assert.equal(typeof message.content[0].signature, 'string');
      const messages = [...question, { role: 'assistant', content: message.content }, ...question];
      assert.equal((await connect().messages.create({ ...params, messages })).content.at(-1).text, said.text);
    }
  },

  async 'tool loop'(model) {
    const tools = [weather];
    const first = await connect().messages.create(ask(model, { tools, tool_choice: { type: 'tool', name: 'get_weather' } }));
    assertText(await connect().messages.create(ask(model, { tools, messages: withResults(first, 1) })), said.result);
  },

  async 'parallel tools streamed'(model) {
    const tools = [weather];
    const messages = [{ role: 'user', content: 'The weather in both cities?' }];
    const first = await connect().messages.stream(ask(model, { tools, messages })).finalMessage();
    assertText(await connect().messages.create(ask(model, { tools, messages: withResults(first, 2) })), said.result);
  },

  async 'tool runner'(model) {
    const { client } = connect();
    const seen = [];
    const run = (input) => {
      seen.push(input);
      return '21 degrees';
    };
    for (const stream of [false, true]) {
      const tools = [betaTool({ name: 'get_weather', description: 'The weather in a city', inputSchema: weatherSchema, run })];
      const last = await client.beta.messages.toolRunner(ask(model, { tools, stream })).runUntilDone();
      assertText(last, said.result);
    }
    assert.deepEqual(seen, [said.answer, said.answer]);
  },

  async 'structured output'(model) {
    const format = jsonSchemaOutputFormat(weatherSchema);
    const message = await connect().messages.parse(ask(model, { output_config: { format } }));
    assert.deepEqual(message.parsed_output, said.answer);
    const streamed = await connect().messages.stream(ask(model, { output_config: { format } })).finalMessage();
    assert.deepEqual(streamed.parsed_output, said.answer);
  },

  async 'error 400'(model) {
    const { messages, sent } = connect();
    assertError(await failure(messages.create(ask(model, { messages: 'hello' }))), Anthropic.BadRequestError, 400, /^invalid_request_error$/, sent);
  },

  async 'error 401'(model) {
    const { messages, sent } = connect({ apiKey: 'sk-nobody-has-this-key' });
    assertError(await failure(messages.create(ask(model))), Anthropic.AuthenticationError, 401, /^authentication_error$/, sent);
  },

  async 'error 404'(model) {
    const { messages, sent } = connect();
    assertError(await failure(messages.create(ask(model + 's'))), Anthropic.NotFoundError, 404, /^not_found_error$/, sent);
  },

  async 'error 429'(model) {
    const { messages, sent } = connect();
    assertError(await failure(messages.create(ask(model + '-fail-429'))), Anthropic.RateLimitError, 429, /^rate_limit_error$/, sent);
  },

  async 'error 503'(model) {
    const { messages, sent } = connect();
    const error = await failure(messages.create(ask(model + '-fail-503', { stream: true })));
    assertError(error, Anthropic.InternalServerError, 503, /^(api|overloaded)_error$/, sent);
  },

  async 'cut stream'(model) {
    const stream = connect().messages.stream(ask(model + '-cut'));
    const error = await failure(stream.finalMessage());
    assert.ok(error instanceof Anthropic.APIError, `raised ${error?.constructor?.name} (${error})`);
  },

  async 'abort'(model) {
    const stream = connect().messages.stream(ask(model + '-stall'));
    stream.on('streamEvent', () => stream.abort());
    assert.ok((await failure(stream.finalMessage())) instanceof Anthropic.APIUserAbortError);
    assertText(await connect().messages.create(ask(model)));
  },
});
