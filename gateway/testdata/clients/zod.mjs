// Checks what the official clients for Node do with Zod's schemas, and how they count tokens, at
// a gateway, for each model of MODELS. The environment is that of chat.mjs.

import assert from 'node:assert/strict';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { generateText, isStepCount, Output, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { reportEach, said } from './checks.mjs';

// The bounds, the default and the alternatives are what not every provider's schemas have.
const weather = z.object({
  city: z.string().min(1).max(100).describe('Where'),
  degrees: z.number().min(-100).max(100),
});
const sky = weather.extend({ sky: z.union([z.literal('clear'), z.object({ clouds: z.int().min(0).max(8) })]).nullable().optional() });
const question = 'Say something nice about gateways.';
const messages = [{ role: 'user', content: question }];
const settings = { baseURL: process.env.BASE_URL + '/v1', apiKey: process.env.API_KEY };
const openai = new OpenAI({ ...settings, maxRetries: 0 });
const anthropic = new Anthropic({ ...settings, baseURL: process.env.BASE_URL, authToken: null, maxRetries: 0 });

await reportEach({
  async 'openai chat'(model) {
    const ask = { model, messages, response_format: zodResponseFormat(weather, 'weather') };
    assert.deepEqual((await openai.chat.completions.parse(ask)).choices[0].message.parsed, said.answer);
    assert.deepEqual((await openai.chat.completions.stream(ask).finalChatCompletion()).choices[0].message.parsed, said.answer);
  },

  async 'openai chat tools'(model) {
    const tools = [zodFunction({ name: 'get_weather', parameters: weather })];
    const [call] = (await openai.chat.completions.parse({ model, messages, tools })).choices[0].message.tool_calls;
    assert.deepEqual(call.function.parsed_arguments, said.answer);
  },

  async 'openai responses'(model) {
    const ask = { model, input: question, text: { format: zodTextFormat(weather, 'weather') } };
    assert.deepEqual((await openai.responses.parse(ask)).output_parsed, said.answer);
    assert.deepEqual((await openai.responses.stream(ask).finalResponse()).output_parsed, said.answer);
  },

  async 'openai responses tools'(model) {
    const tools = [zodResponsesFunction({ name: 'get_weather', parameters: weather })];
    const response = await openai.responses.parse({ model, input: question, tools });
    assert.deepEqual(response.output.find((item) => item.type === 'function_call').parsed_arguments, said.answer);
  },

  async 'anthropic'(model) {
    const ask = { model, max_tokens: 2048, messages, output_config: { format: zodOutputFormat(sky) } };
    assert.deepEqual((await anthropic.messages.parse(ask)).parsed_output, said.answer);
    assert.deepEqual((await anthropic.messages.stream(ask).finalMessage()).parsed_output, said.answer);
  },

  async 'anthropic tools'(model) {
    const seen = [];
    const run = (input) => {
      seen.push(input);
      return '21 degrees';
    };
    const tools = [betaZodTool({ name: 'get_weather', description: 'The weather in a city', inputSchema: sky, run })];
    const last = await anthropic.beta.messages.toolRunner({ model, max_tokens: 2048, messages, tools }).runUntilDone();
    assert.equal(last.content.at(-1).text, said.result);
    assert.deepEqual(seen, [said.answer]);
  },

  async 'vercel'(model) {
    for (const provider of [createOpenAI(settings).chat, createOpenAI(settings).responses, createAnthropic(settings)]) {
      const ask = { model: provider(model), prompt: question, maxRetries: 0 };
      const output = Output.object({ schema: weather });
      assert.deepEqual((await generateText({ ...ask, output })).output, said.answer);
      assert.deepEqual(await streamText({ ...ask, output }).output, said.answer);
      const tools = { get_weather: tool({ inputSchema: weather, execute: () => '21 degrees' }) };
      assert.equal((await generateText({ ...ask, tools, stopWhen: isStepCount(3) })).text, said.result);
    }
  },

  async 'count tokens'(model) {
    const short = await anthropic.messages.countTokens({ model, messages });
    assert.ok(Number.isInteger(short.input_tokens) && short.input_tokens > 0, JSON.stringify(short));
    const counted = await openai.responses.inputTokens.count({ model, input: question });
    assert.ok(Number.isInteger(counted.input_tokens) && counted.input_tokens > 0, JSON.stringify(counted));
  },
});
