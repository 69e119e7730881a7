// Package openai is the dialect of OpenAI's chat completions, provider side. Its format is
// the canonical form, so replies pass as they are, and so do the requests of its own clients.
// What is left is requests that were put into the canonical form from another: this package
// takes the extensions out of them, which OpenAI refuses, or says what they mean in OpenAI's
// words.
package openai

// Provider is the provider side for one instance of the module. It serves one call at a
// time, and no call sees anything of the one before; what it keeps are buffers.
type Provider struct{ request request }
