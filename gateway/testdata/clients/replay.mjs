// Asks for recorded replies with one official client for Node, which the argument names.
//
// Standard input is {"url", "key", "cases": [{"model", "stream"}]}: the address without a
// path, and what to ask for. Each case is printed as a line of JSON: {"model", "text",
// "refusal", "calls": [{"name", "arguments"}], "finish", "usage"} with what the client makes of
// the reply, finish and usage in its own words, or {"model", "error": {"class", "status",
// "message"}}. Streams are read with the client's helper, whose result must be what its
// events add up to.

import assert from 'node:assert/strict';
import { text as readAll } from 'node:stream/consumers';

const { url, key, cases } = JSON.parse(await readAll(process.stdin));
const messages = [{ role: 'user', content: 'Say something nice about gateways.' }];

// load imports one client only, because all of them take seconds.
const load = async (name, member = 'default') => (await import(name))[member];
const openai = async () => new (await load('openai'))({ baseURL: url + '/v1', apiKey: key, maxRetries: 0 });

// ofChat is what a chat completion says.
function ofChat({ choices: [{ message, finish_reason }], usage }) {
  const calls = (message.tool_calls ?? []).map((call) => call.function);
  if (message.function_call?.name) calls.push(message.function_call);
  return { text: message.content, refusal: message.refusal, calls, finish: finish_reason, usage };
}

// ofResponse is what a response says; its messages are paragraphs.
function ofResponse(response) {
  const messages = response.output.filter((item) => item.type === 'message').map((item) => item.content);
  return {
    text: messages.map(textOf).join('\n\n'),
    refusal: messages.flat().find((part) => part.type === 'refusal')?.refusal,
    calls: response.output.filter((item) => item.type === 'function_call'),
    finish: response.incomplete_details?.reason ?? response.status,
    usage: response.usage,
  };
}

const textOf = (parts) => parts.map((part) => part.text ?? '').join('');

const ofMessage = (message) => ({
  text: textOf(message.content.filter((block) => block.type === 'text')),
  calls: message.content.filter((block) => block.type === 'tool_use').map(({ name, input }) => ({ name, arguments: JSON.stringify(input) })),
  finish: message.stop_reason,
  usage: message.usage,
});

// ofGemini puts the replies of a stream, or the only one, together.
function ofGemini(replies) {
  const parts = replies.flatMap((reply) => reply.candidates?.[0]?.content?.parts ?? []);
  const last = (pick) => replies.map(pick).findLast((value) => value !== undefined);
  const blocked = last((reply) => reply.promptFeedback?.blockReason) && 'SAFETY';
  return {
    text: textOf(parts.filter((part) => !part.thought)),
    calls: parts.filter((part) => part.functionCall).map(({ functionCall: { name, args } }) => ({ name, arguments: JSON.stringify(args ?? {}) })),
    refusal: last((reply) => reply.candidates?.[0]?.finishMessage ?? reply.promptFeedback?.blockReasonMessage),
    finish: String(last((reply) => reply.candidates?.[0]?.finishReason) ?? blocked),
    usage: last((reply) => reply.usageMetadata),
  };
}

// vercel asks with one of the providers of Vercel's SDK.
const vercel = (provider) => {
  const read = async ({ text, toolCalls, finishReason, usage }) => ({
    text: await text,
    calls: (await toolCalls).filter((call) => !call.providerExecuted).map(({ toolName, input }) => ({ name: toolName, arguments: JSON.stringify(input) })),
    finish: await finishReason,
    usage: await usage,
  });
  return async (model, stream) => {
    const { generateText, streamText } = await import('ai');
    const ask = { model: (await provider())(model), messages, maxRetries: 0 };
    if (!stream) return read(await generateText(ask));
    let deltas = '';
    let error;
    const result = streamText({ ...ask, onError: (e) => (error ??= e.error) });
    for await (const part of result.fullStream) if (part.type === 'text-delta') deltas += part.text;
    if (error) throw error;
    const whole = await read(result);
    assert.equal(whole.text, deltas);
    return whole;
  };
};

const clients = {
  async 'openai chat'(model, stream) {
    if (!stream) return ofChat(await (await openai()).chat.completions.create({ model, messages }));
    const running = (await openai()).chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
    let deltas = '';
    running.on('content', (delta) => (deltas += delta));
    const whole = ofChat(await running.finalChatCompletion());
    assert.equal(whole.text ?? '', deltas);
    return whole;
  },

  async 'openai responses'(model, stream) {
    if (!stream) return ofResponse(await (await openai()).responses.create({ model, input: messages }));
    const running = (await openai()).responses.stream({ model, input: messages });
    let deltas = '';
    running.on('response.output_text.delta', (event) => (deltas += event.delta));
    const whole = ofResponse(await running.finalResponse());
    assert.equal(whole.text.replaceAll('\n\n', ''), deltas.replaceAll('\n\n', ''));
    return whole;
  },

  // Without the helper, which refuses some of what others than OpenAI send.
  async 'openai responses events'(model, stream) {
    if (!stream) return clients['openai responses'](model, stream);
    let last;
    for await (const event of await (await openai()).responses.create({ model, input: messages, stream })) last = event.response ?? last;
    return ofResponse(last);
  },

  async 'anthropic'(model, stream) {
    const client = new (await load('@anthropic-ai/sdk'))({ baseURL: url, apiKey: key, authToken: null, maxRetries: 0 });
    const ask = { model, max_tokens: 2048, messages };
    if (!stream) return ofMessage(await client.messages.create(ask));
    const running = client.messages.stream(ask);
    let deltas = '';
    running.on('text', (delta) => (deltas += delta));
    const whole = ofMessage(await running.finalMessage());
    assert.equal(whole.text, deltas);
    return whole;
  },

  async 'genai'(model, stream) {
    const client = new (await load('@google/genai', 'GoogleGenAI'))({ apiKey: key, httpOptions: { baseUrl: url } });
    const ask = { model, contents: messages[0].content };
    if (!stream) return ofGemini([await client.models.generateContent(ask)]);
    const all = [];
    for await (const reply of await client.models.generateContentStream(ask)) all.push(reply);
    return ofGemini(all);
  },

  'vercel openai chat': vercel(async () => (await load('@ai-sdk/openai', 'createOpenAI'))({ baseURL: url + '/v1', apiKey: key }).chat),
  'vercel openai responses': vercel(async () => (await load('@ai-sdk/openai', 'createOpenAI'))({ baseURL: url + '/v1', apiKey: key }).responses),
  'vercel anthropic': vercel(async () => (await load('@ai-sdk/anthropic', 'createAnthropic'))({ baseURL: url + '/v1', apiKey: key })),
  'vercel google': vercel(async () => (await load('@ai-sdk/google', 'createGoogle'))({ baseURL: url + '/v1beta', apiKey: key })),
};

const ask = clients[process.argv[2]];
globalThis.AI_SDK_LOG_WARNINGS = false;

async function answer({ model, stream }) {
  try {
    return { model, ...(await ask(model, stream)) };
  } catch (e) {
    let message = e?.error?.error?.message ?? e?.error?.message ?? e?.message ?? e;
    if (e?.name === 'ApiError') message = JSON.parse(message).error.message; // Google's client has the body as its message
    return { model, error: { class: e?.constructor?.name, status: e?.status ?? e?.statusCode ?? 0, message: String(message) } };
  }
}

// A few at a time: the gateway must serve them side by side.
const rest = [...cases];
await Promise.all(
  Array.from({ length: 4 }, async () => {
    for (let next; (next = rest.shift()); ) console.log(JSON.stringify(await answer(next)));
  }),
);
process.exit(0);
