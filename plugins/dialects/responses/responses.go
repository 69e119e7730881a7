// Package responses is the dialect of OpenAI's Responses API, provider side: canonical
// requests become items of its input, and its replies, stream events and errors become
// canonical. Services that imitate the API are spoken to in the same way.
//
// Nothing is kept at the provider unless the request asks for it: the whole conversation goes
// out each time, and what the model thought comes back encrypted.
package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Provider is the provider side for one instance of the module. It serves one call at a
// time, and no call sees anything of the one before; what it keeps are buffers.
type Provider struct {
	request request
	stream  stream
	// output is that of a plain reply.
	output output
}

// origin is the origin of the reasoning in a provider's replies.
func origin(provider []byte) canonical.Origin {
	return canonical.Origin{Format: "openai-responses-v1", Provider: provider}
}
