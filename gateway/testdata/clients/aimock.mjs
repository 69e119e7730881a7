// Serves an independent mock of the providers' APIs until standard input ends. It prints its
// address.

import { LLMock } from '@copilotkit/aimock';

const mock = new LLMock({ port: 0 });
mock.onMessage('hello', { content: 'Hi there, friend!' });
mock.onMessage('weather', { toolCalls: [{ name: 'get_weather', arguments: '{"city":"Oslo"}' }] });
await mock.start();
console.log(mock.url);
process.stdin.resume().on('end', () => process.exit(0));
