// Checks the official OpenAI client for Node at the chat completions of a gateway with the
// demo provider. The environment names the gateway:
//
//   BASE_URL  such as http://127.0.0.1:8080/v1
//   API_KEY   a key that may ask for the demo models
//   POOR_KEY  a key whose budget is too small for any request

import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { makeParseableResponseFormat } from 'openai/lib/parser';

import { collect, failure, report, weatherSchema } from './checks.mjs';

const question = [{ role: 'user', content: 'Say something nice about gateways.' }];

const weatherTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather in a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
      additionalProperties: false,
    },
  },
};

const weatherChoice = { type: 'function', function: { name: 'get_weather' } };

const weatherFormat = { type: 'json_schema', json_schema: { name: 'weather', strict: true, schema: weatherSchema } };

// connect makes a client with the retries it has by default, and counts the HTTP
// requests it sends: a check sees whether an error made it try again.
function connect(apiKey = process.env.API_KEY) {
  const sent = { requests: 0 };
  const client = new OpenAI({
    baseURL: process.env.BASE_URL,
    apiKey,
    fetch: (url, init) => {
      sent.requests++;
      return fetch(url, init);
    },
  });
  return { client, chat: client.chat.completions, sent };
}

const textOf = (chunks) => chunks.map((c) => c.choices[0]?.delta?.content ?? '').join('');
const finishOf = (chunks) => chunks.map((c) => c.choices[0]?.finish_reason).findLast(Boolean);

function assertUsage(usage) {
  assert.ok(usage.prompt_tokens > 0 && usage.completion_tokens > 0, `usage ${JSON.stringify(usage)}`);
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
}

// assertError checks an error's class and code, that it says something, and that the
// client sent no more requests than it should have.
function assertError(error, Class, code, sent, requests = 1) {
  assert.ok(error instanceof Class, `raised ${error?.constructor?.name} (${error}), want ${Class.name}`);
  if (code) assert.equal(error.code, code);
  assert.ok(error.message.length > 10, `message ${JSON.stringify(error.message)}`);
  assert.equal(sent.requests, requests, `the client sent ${sent.requests} requests, want ${requests}`);
}

const checks = {
  async 'models'() {
    const { client } = connect();
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.ok(ids.includes('demo'), `models ${ids}`);
    assert.equal((await client.models.retrieve('demo')).id, 'demo');
  },

  async 'chat'() {
    const { chat } = connect();
    const { data, response } = await chat.create({ model: 'demo', messages: question }).withResponse();
    assert.equal(data.object, 'chat.completion');
    assert.equal(data.choices[0].message.role, 'assistant');
    assert.ok(data.choices[0].message.content.length > 0);
    assert.equal(data.choices[0].finish_reason, 'stop');
    assertUsage(data.usage);
    assert.ok(response.headers.get('x-penstock-request-id'), 'no x-penstock-request-id');
  },

  async 'stream'() {
    const { chat } = connect();
    const chunks = await collect(await chat.create({ model: 'demo', messages: question, stream: true }));
    assert.ok(textOf(chunks).length > 0);
    assert.ok(chunks.length > 2, `${chunks.length} chunks`);
    assert.equal(finishOf(chunks), 'stop');
    for (const c of chunks) {
      assert.equal(c.object, 'chat.completion.chunk');
      assert.equal(c.choices.length, 1, 'a chunk without a choice that nobody asked for');
      assert.ok(!c.usage, 'usage that nobody asked for');
    }
  },

  async 'stream usage'() {
    const { chat } = connect();
    const chunks = await collect(
      await chat.create({ model: 'demo', messages: question, stream: true, stream_options: { include_usage: true } }),
    );
    const last = chunks.pop();
    assert.deepEqual(last.choices, []);
    assertUsage(last.usage);
    assert.ok(chunks.every((c) => c.choices.length === 1 && !c.usage), 'usage before the last chunk');
    assert.equal(finishOf(chunks), 'stop');
  },

  async 'text completion'() {
    const { client } = connect();
    const ask = { model: 'demo', prompt: 'Say something nice about gateways.', max_tokens: 500 };
    const reply = await client.completions.create(ask);
    assert.equal(reply.object, 'text_completion');
    assert.ok(reply.choices[0].text.length > 0);
    assert.equal(reply.choices[0].finish_reason, 'stop');
    assertUsage(reply.usage);
    const short = await client.completions.create({ model: 'demo', prompt: ask.prompt });
    assert.equal(short.choices[0].finish_reason, 'length', 'without max_tokens a text has 16 tokens');
    const pieces = await collect(await client.completions.create({ ...ask, stream: true }));
    assert.equal(pieces.map((p) => p.choices[0].text).join(''), reply.choices[0].text);
    assert.equal(finishOf(pieces), 'stop');
    const error = await failure(client.completions.create({ model: 'demo', prompt: ['a', 'b'] }));
    assert.ok(error instanceof OpenAI.BadRequestError, `raised ${error}`);
  },

  async 'stream helper'() {
    const { chat } = connect();
    let deltas = '';
    const stream = chat.stream({ model: 'demo', messages: question, stream_options: { include_usage: true } });
    stream.on('content', (delta) => (deltas += delta));
    const completion = await stream.finalChatCompletion();
    assert.ok(deltas.length > 0);
    assert.equal(completion.choices[0].message.content, deltas);
    assert.equal(completion.choices[0].finish_reason, 'stop');
    assertUsage(completion.usage);
  },

  async 'tools'() {
    const { chat } = connect();
    const first = await chat.create({ model: 'demo', messages: question, tools: [weatherTool], tool_choice: weatherChoice });
    const { message } = first.choices[0];
    assert.equal(message.tool_calls.length, 1);
    const [call] = message.tool_calls;
    assert.ok(call.id.length > 0);
    assert.equal(call.function.name, 'get_weather');
    assert.equal(typeof JSON.parse(call.function.arguments), 'object');
    const messages = [...question, message, { role: 'tool', tool_call_id: call.id, content: '{"degrees": 21}' }];
    const second = await chat.create({ model: 'demo', messages, tools: [weatherTool], tool_choice: 'none' });
    assert.ok(second.choices[0].message.content.length > 0);
    assert.equal(second.choices[0].finish_reason, 'stop');
  },

  async 'tools stream'() {
    const { chat } = connect();
    const completion = await chat
      .stream({ model: 'demo', messages: question, tools: [weatherTool], tool_choice: weatherChoice })
      .finalChatCompletion();
    const [call, ...more] = completion.choices[0].message.tool_calls;
    assert.equal(more.length, 0);
    assert.ok(call.id.length > 0);
    assert.equal(call.function.name, 'get_weather');
    assert.equal(typeof JSON.parse(call.function.arguments), 'object');
  },

  async 'tools helper'() {
    const { chat } = connect();
    const seen = [];
    const tool = {
      ...weatherTool,
      function: {
        ...weatherTool.function,
        parse: JSON.parse,
        function: (args) => {
          seen.push(args);
          return { degrees: 21 };
        },
      },
    };
    const runner = chat.runTools({ model: 'demo', messages: question, tools: [tool], tool_choice: weatherChoice });
    await runner.done();
    assert.equal(seen.length, 1, `the tool ran ${seen.length} times`);
    assert.equal(typeof seen[0], 'object');
  },

  async 'response format'() {
    const { chat } = connect();
    const response_format = makeParseableResponseFormat(weatherFormat, JSON.parse);
    const completion = await chat.parse({ model: 'demo', messages: question, response_format });
    const { parsed } = completion.choices[0].message;
    assert.equal(typeof parsed?.city, 'string', `parsed ${JSON.stringify(parsed)}`);
    assert.equal(typeof parsed.degrees, 'number');
  },

  async 'error 400'() {
    const { chat, sent } = connect();
    const error = await failure(chat.create({ model: 'demo', messages: 'hello' }));
    assertError(error, OpenAI.BadRequestError, 'invalid_request', sent);
    assert.equal(error.param, 'messages');
    assert.equal(error.type, 'invalid_request_error');
  },

  async 'error 401'() {
    const { chat, sent } = connect('sk-nobody-has-this-key');
    const error = await failure(chat.create({ model: 'demo', messages: question }));
    assertError(error, OpenAI.AuthenticationError, 'invalid_api_key', sent);
  },

  async 'error 404'() {
    const { chat, sent } = connect();
    const error = await failure(chat.create({ model: 'demon', messages: question }));
    assertError(error, OpenAI.NotFoundError, 'model_not_found', sent);
    assert.match(error.message, /demo/, 'the near name is not mentioned');
  },

  async 'error 429 upstream'() {
    const { chat, sent } = connect();
    const error = await failure(chat.create({ model: 'demo-fail-429', messages: question }));
    assertError(error, OpenAI.RateLimitError, null, sent);
    assert.ok(Number(error.headers.get('retry-after')) > 0, `retry-after ${error.headers.get('retry-after')}`);
  },

  async 'error 403 budget'() {
    const { chat, sent } = connect(process.env.POOR_KEY);
    const error = await failure(chat.create({ model: 'demo', messages: question }));
    assertError(error, OpenAI.PermissionDeniedError, 'budget_exceeded', sent);
  },

  async 'error 5xx'() {
    const { chat, sent } = connect();
    const error = await failure(chat.create({ model: 'demo-fail-503', messages: question }));
    assertError(error, OpenAI.InternalServerError, null, sent);
  },

  async 'error before a stream'() {
    const { chat, sent } = connect();
    const error = await failure(chat.create({ model: 'demo-fail-500', messages: question, stream: true }));
    assertError(error, OpenAI.InternalServerError, null, sent);
  },

  async 'abort'() {
    const { chat } = connect();
    const stream = await chat.create({ model: 'demo-slow', messages: question, stream: true });
    const chunks = [];
    for await (const chunk of stream) {
      chunks.push(chunk);
      stream.controller.abort();
    }
    assert.equal(finishOf(chunks), undefined, 'the stream ended before it could be aborted');
    const early = new AbortController();
    const pending = chat.create({ model: 'demo-slow', messages: question }, { signal: early.signal });
    early.abort();
    assert.ok((await failure(pending)) instanceof OpenAI.APIUserAbortError);
    const after = await chat.create({ model: 'demo', messages: question });
    assert.equal(after.choices[0].finish_reason, 'stop');
  },

  async 'cut stream'() {
    const { chat } = connect();
    const chunks = [];
    const error = await failure(
      (async () => {
        const stream = await chat.create({ model: 'demo-cut', messages: question, stream: true });
        for await (const chunk of stream) chunks.push(chunk);
      })(),
    );
    assert.ok(error instanceof OpenAI.APIError, `raised ${error?.constructor?.name} (${error}), want an APIError`);
    assert.ok(textOf(chunks).length > 0, 'nothing came before the cut');
    assert.equal(finishOf(chunks), undefined, 'a cut stream looks finished');
    const helper = await failure(chat.stream({ model: 'demo-cut', messages: question }).finalChatCompletion());
    assert.ok(helper instanceof OpenAI.OpenAIError, `the helper raised ${helper}`);
  },

  async 'cut reply'() {
    const { chat, sent } = connect();
    const error = await failure(chat.create({ model: 'demo-cut', messages: question }));
    assertError(error, OpenAI.InternalServerError, null, sent);
  },

  async 'stalled stream'() {
    const { chat } = connect();
    const chunks = [];
    const error = await failure(
      (async () => {
        const stream = await chat.create({ model: 'demo-stall', messages: question, stream: true });
        for await (const chunk of stream) chunks.push(chunk);
      })(),
    );
    assert.ok(error instanceof OpenAI.APIError, `raised ${error?.constructor?.name} (${error}), want an APIError`);
    assert.equal(finishOf(chunks), undefined, 'a stalled stream looks finished');
  },
};

await report(checks);
