// Package gemini is the dialect of Google's Gemini API. On the provider side canonical requests
// become calls of generateContent, and its replies, stream events and errors become canonical;
// on the client side it is the other way round.
package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Provider is the provider side for one instance of the module. It serves one call at a
// time, and no call sees anything of the one before; what it keeps are buffers.
type Provider struct {
	request request
	stream  stream
	// answers are those of a plain reply.
	answers []canonical.Reply
}

// origin says who made the thought signatures that a reply brings.
func origin(provider []byte) canonical.Origin {
	return canonical.Origin{Format: "google-gemini-v1", Provider: provider}
}
