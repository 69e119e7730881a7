// Checks OpenAI's official client for Node at the Responses API of a gateway, for each model
// of MODELS.
//
//   BASE_URL  such as http://127.0.0.1:8080
//   API_KEY   a key that may ask for the models
//   MODELS    such as responses,openai: each answers like llmtest.Model, and its name with
//             -fail-STATUS, -cut or -stall behind it has that fault

import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { makeParseableTextFormat } from 'openai/lib/parser';

import { collect, failure, reportEach, said, weatherSchema } from './checks.mjs';

const question = 'Say something nice about gateways.';
const weather = { type: 'function', name: 'get_weather', description: 'The weather in a city', strict: true, parameters: weatherSchema };

function connect(apiKey = process.env.API_KEY) {
  const sent = { requests: 0 };
  const client = new OpenAI({
    baseURL: process.env.BASE_URL + '/v1',
    apiKey,
    fetch: (url, init) => {
      sent.requests++;
      return fetch(url, init);
    },
  });
  return { client, responses: client.responses, sent };
}

function assertText(response, text = said.text) {
  assert.equal(response.object, 'response');
  assert.equal(response.status, 'completed');
  assert.equal(response.output_text, text);
  const message = response.output.at(-1);
  assert.equal(message.type, 'message');
  assert.equal(message.role, 'assistant');
  assert.equal(message.content[0].type, 'output_text');
  const { input_tokens, output_tokens, total_tokens } = response.usage;
  assert.ok(input_tokens > 0 && output_tokens > 0 && total_tokens === input_tokens + output_tokens, JSON.stringify(response.usage));
  assert.equal(typeof response.usage.input_tokens_details.cached_tokens, 'number');
  assert.equal(typeof response.usage.output_tokens_details.reasoning_tokens, 'number');
}

function assertError(error, Class, status, sent) {
  assert.ok(error instanceof Class, `raised ${error?.constructor?.name} (${error}), want ${Class.name}`);
  assert.equal(error.status, status);
  assert.ok(error.message.length > 10, error.message);
  assert.equal(sent.requests, 1, `the client sent ${sent.requests} requests, want 1`);
}

// withResults checks the calls of a response, and returns a conversation with their results.
function withResults(response, count) {
  const calls = response.output.filter((item) => item.type === 'function_call');
  assert.equal(calls.length, count, JSON.stringify(response.output));
  assert.equal(new Set(calls.map((call) => call.call_id)).size, count, 'calls share an id');
  for (const call of calls) {
    assert.equal(call.name, 'get_weather');
    assert.deepEqual(JSON.parse(call.arguments), said.answer);
  }
  const results = calls.map((call) => ({ type: 'function_call_output', call_id: call.call_id, output: '21 degrees' }));
  return [{ role: 'user', content: 'What is the weather?' }, ...response.output, ...results];
}

await reportEach({
  async 'response'(model) {
    const { data, response } = await connect().responses.create({ model, input: question, instructions: 'Be kind.' }).withResponse();
    assertText(data);
    assert.ok(response.headers.get('x-penstock-request-id'), 'no x-penstock-request-id');
  },

  async 'stream'(model) {
    const input = [{ role: 'user', content: [{ type: 'input_text', text: question }] }];
    const events = await collect(await connect().responses.create({ model, input, stream: true }));
    assert.deepEqual(
      events.map((e) => e.type).filter((type, i, all) => type !== all[i - 1]),
      [
        'response.created', 'response.in_progress', 'response.output_item.added', 'response.content_part.added',
        'response.output_text.delta', 'response.output_text.done', 'response.content_part.done', 'response.output_item.done',
        'response.completed',
      ],
    );
    assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
    assert.ok(events.length > 9, `${events.length} events`);
  },

  async 'stream helper'(model) {
    let text = '';
    const stream = connect().responses.stream({ model, input: question });
    stream.on('response.output_text.delta', (event) => (text += event.delta));
    assertText(await stream.finalResponse());
    assert.equal(text, said.text);
  },

  async 'reasoning'(model) {
    const params = { model, input: question, reasoning: { effort: 'low', summary: 'auto' }, include: ['reasoning.encrypted_content'], store: false };
    for (const response of [await connect().responses.create(params), await connect().responses.stream(params).finalResponse()]) {
      assertText(response);
      const [thought] = response.output;
      assert.equal(thought.type, 'reasoning', JSON.stringify(response.output));
      assert.equal(thought.summary[0].text, said.thinking);
      const input = [{ role: 'user', content: question }, ...response.output, { role: 'user', content: question }];
      assertText(await connect().responses.create({ ...params, input }));
    }
  },

  async 'tool loop'(model) {
    const tools = [weather];
    const first = await connect().responses.create({ model, input: question, tools, tool_choice: { type: 'function', name: 'get_weather' } });
    assertText(await connect().responses.create({ model, tools, input: withResults(first, 1) }), said.result);
  },

  async 'parallel tools streamed'(model) {
    const tools = [weather];
    const input = [{ role: 'user', content: 'The weather in both cities?' }];
    const first = await connect().responses.stream({ model, input, tools }).finalResponse();
    assertText(await connect().responses.create({ model, tools, input: withResults(first, 2) }), said.result);
  },

  async 'structured output'(model) {
    const format = makeParseableTextFormat({ type: 'json_schema', name: 'weather', strict: true, schema: weatherSchema }, JSON.parse);
    const response = await connect().responses.parse({ model, input: question, text: { format } });
    assert.deepEqual(response.output_parsed, said.answer);
    const streamed = await connect().responses.stream({ model, input: question, text: { format } }).finalResponse();
    assert.deepEqual(streamed.output_parsed, said.answer);
  },

  async 'error 400'(model) {
    const { responses, sent } = connect();
    assertError(await failure(responses.create({ model, input: 7 })), OpenAI.BadRequestError, 400, sent);
  },

  async 'error 401'(model) {
    const { responses, sent } = connect('sk-nobody-has-this-key');
    assertError(await failure(responses.create({ model, input: question })), OpenAI.AuthenticationError, 401, sent);
  },

  async 'error 404'(model) {
    const { responses, sent } = connect();
    assertError(await failure(responses.create({ model: model + 's', input: question })), OpenAI.NotFoundError, 404, sent);
  },

  async 'error 429'(model) {
    const { responses, sent } = connect();
    assertError(await failure(responses.create({ model: model + '-fail-429', input: question })), OpenAI.RateLimitError, 429, sent);
  },

  async 'error 503'(model) {
    const { responses, sent } = connect();
    assertError(await failure(responses.create({ model: model + '-fail-503', input: question, stream: true })), OpenAI.InternalServerError, 503, sent);
  },

  async 'cut stream'(model) {
    const error = await failure(connect().responses.stream({ model: model + '-cut', input: question }).finalResponse());
    assert.ok(error instanceof OpenAI.OpenAIError, `raised ${error?.constructor?.name} (${error})`);
  },

  async 'abort'(model) {
    const stream = connect().responses.stream({ model: model + '-stall', input: question });
    stream.on('event', () => stream.abort());
    assert.ok((await failure(stream.finalResponse())) instanceof OpenAI.APIUserAbortError);
    assertText(await connect().responses.create({ model, input: question }));
  },
});
