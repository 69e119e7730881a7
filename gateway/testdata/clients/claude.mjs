// Has the official OpenAI client for Node read one streamed answer of a provider in
// Anthropic's format, and prints what its helper makes of it as one JSON object.
//
//   BASE_URL  such as http://127.0.0.1:8080/v1
//   REQUEST   the request as JSON

import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: 'none', maxRetries: 0 });
const completion = await client.chat.completions.stream(JSON.parse(process.env.REQUEST)).finalChatCompletion();
console.log(JSON.stringify(completion));
