// Serves an independent mock of the providers' APIs until standard input ends. It prints its
// address.

import { LLMock } from '@copilotkit/aimock';

const mock = new LLMock({ port: 0 });
// The mock hands usage on in the dialects' own words, of which it takes all at once.
const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13, input_tokens: 9, output_tokens: 4, promptTokenCount: 9, candidatesTokenCount: 4, totalTokenCount: 13 };
mock.on({ hasToolResult: true }, { content: 'It is 21 degrees in Oslo.', usage });
mock.onMessage('hello', { content: 'Hi there, friend!', usage });
mock.onMessage('both', {
  toolCalls: [
    { name: 'get_weather', arguments: '{"city":"Oslo"}' },
    { name: 'get_weather', arguments: '{"city":"Bergen"}' },
  ],
});
mock.onMessage('weather', { toolCalls: [{ name: 'get_weather', arguments: '{"city":"Oslo"}' }] });
mock.onMessage('throttle', { error: { message: 'Too many requests, says the mock.', type: 'rate_limit_error' }, status: 429 });
mock.onMessage('refuse', { error: { message: 'The mock refuses this.', type: 'invalid_request_error' }, status: 400 });
mock.onMessage('fail', { error: { message: 'The mock has failed.', type: 'server_error' }, status: 503 });
mock.onMessage('cut', { content: 'This reply breaks off in the middle of it all.' }, { truncateAfterChunks: 2, chunkSize: 5 });
mock.onEmbedding('hello', { embedding: [0.25, -0.5, 1] });
await mock.start();
console.log(mock.url);
process.stdin.resume().on('end', () => process.exit(0));
