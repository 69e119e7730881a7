// Package completions is the dialect of OpenAI's older completions API, which continues a
// text: https://platform.openai.com/docs/api-reference/completions. It has a client side
// only. A text to be continued becomes the message of a user, and the answer to it a text.
package completions
