// Checks embeddings and counts of tokens by Google's and OpenAI's official clients for Node
// against a gateway, for each model of MODELS. The environment is that of anthropic.mjs.

import assert from 'node:assert/strict';
import { ApiError, GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';

import { failure, reportEach } from './checks.mjs';

const google = new GoogleGenAI({ apiKey: process.env.API_KEY, httpOptions: { baseUrl: process.env.BASE_URL } }).models;
const openai = new OpenAI({ apiKey: process.env.API_KEY, baseURL: process.env.BASE_URL + '/v1', maxRetries: 0 });

const embeds = (model) => model !== 'anthropic';
const texts = ['one', 'three'];
const vectors = [[3, 0.5, -2], [5, 0.5, -2]]; // of llmtest.ModelVector

await reportEach({
  async 'count tokens'(model) {
    const reply = await google.countTokens({ model, contents: 'Say something nice about gateways.' });
    if (model === 'gemini') assert.equal(reply.totalTokens, 10);
    assert.ok(reply.totalTokens > 5 && reply.totalTokens < 50, `${reply.totalTokens} tokens`);
  },

  async 'embed as Gemini does'(model) {
    if (!embeds(model)) {
      const error = await failure(google.embedContent({ model, contents: texts }));
      assert.ok(error instanceof ApiError && error.status === 400, String(error));
      return;
    }
    const all = await google.embedContent({ model, contents: texts, config: { taskType: 'RETRIEVAL_QUERY' } });
    assert.deepEqual(all.embeddings.map((e) => e.values), vectors);
    const short = await google.embedContent({ model, contents: 'one', config: { outputDimensionality: 2 } });
    assert.deepEqual(short.embeddings.map((e) => e.values), [[3, 0.5]]);
    assert.equal((await failure(google.embedContent({ model: 'none', contents: 'a' }))).status, 404);
  },

  async 'embed as OpenAI does'(model) {
    if (!embeds(model)) {
      assert.equal((await failure(openai.embeddings.create({ model, input: texts }))).status, 400);
      return;
    }
    for (const encoding_format of [undefined, 'float']) { // the client asks for base64 by itself
      const reply = await openai.embeddings.create({ model, input: texts, encoding_format });
      assert.deepEqual(reply.data.map((d) => Array.from(d.embedding)), vectors);
      assert.equal(reply.usage.prompt_tokens, 10);
    }
    const short = await openai.embeddings.create({ model, input: 'one', dimensions: 2 });
    assert.deepEqual(Array.from(short.data[0].embedding), [3, 0.5]);
  },

  async 'list models'(model) {
    const names = [];
    for await (const m of await google.list({ config: { pageSize: 3 } })) names.push(m.name);
    assert.ok(names.includes(`models/${model}`), names.join());
    assert.equal((await google.get({ model })).name, `models/${model}`);
  },
});
