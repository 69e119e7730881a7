// Package dialects translates between wire formats and the canonical form, OpenAI's chat
// completions. On the provider side it turns canonical requests into a provider's own
// format, and the provider's replies, stream events and errors back; on the client side it
// turns a client's requests into canonical ones, and canonical replies into the client's
// format. It is part of the built-in module, which is built for Wasm and embedded in the
// gateway. It sends nothing, knows no credentials and keeps nothing between calls: the state
// of a stream is passed in with every event.
//
// Each dialect has a package of its own below this one, all of one shape; README.md lists
// which file holds what. What they share is in package canonical.
package dialects

import (
	"github.com/penstock/penstock/plugins/dialects/anthropic"
	"github.com/penstock/penstock/plugins/dialects/canonical"
	"github.com/penstock/penstock/plugins/dialects/cohere"
	"github.com/penstock/penstock/plugins/dialects/completions"
	"github.com/penstock/penstock/plugins/dialects/gemini"
	"github.com/penstock/penstock/plugins/dialects/ollama"
	"github.com/penstock/penstock/plugins/dialects/openai"
	"github.com/penstock/penstock/plugins/dialects/responses"
)

// row is one dialect of the module, by the name that configurations have for it. A side
// that the dialect does not have is nil.
type row struct {
	name     string
	provider provider
	client   client
	// requests is set in the place of provider for a dialect whose replies are canonical.
	requests requester
}

// table is the one list of dialects. A stream's state names its dialect by the position here.
func table() []row {
	return []row{
		{name: "openai", requests: new(openai.Provider)},
		{name: "anthropic", provider: new(anthropic.Provider), client: new(anthropic.Client)},
		{name: "openai-responses", provider: new(responses.Provider), client: new(responses.Client)},
		{name: "cohere", provider: new(cohere.Provider)},
		{name: "ollama", provider: new(ollama.Provider)},
		{name: "gemini", provider: new(gemini.Provider), client: new(gemini.Client)},
		{name: "openai-completions", client: new(completions.Client)},
	}
}

// ProviderNames returns the names of the dialects that providers may have.
func ProviderNames() []string { return names(providerSide) }

// ClientNames returns the names of the dialects that clients may have.
func ClientNames() []string { return names(clientSide) }

func names(s side) (all []string) {
	for _, r := range table() {
		if r.has(s) {
			all = append(all, r.name)
		}
	}
	return all
}

// side is one of the two that a dialect may have.
type side int

const (
	providerSide side = iota
	clientSide
	// requestSide is the part of the provider side that makes requests.
	requestSide
)

// has reports whether a dialect has a side.
func (r *row) has(s side) bool {
	switch s {
	case clientSide:
		return r.client != nil
	case requestSide:
		return r.provider != nil || r.requests != nil
	}
	return r.provider != nil
}

// provider is the provider side of a dialect. It serves one call at a time, and no call sees
// anything of the one before.
type provider interface {
	requester
	// Response appends the completion or the error that a plain reply is.
	Response(out []byte, env *canonical.Envelope) []byte

	// Start begins a stream. Event translates one of the provider's events into chunks, and
	// End handles the end of its stream.
	Start(env *canonical.Envelope)
	Event(c *canonical.Chunks, name, data []byte)
	End(c *canonical.Chunks)
	// AppendState appends what the dialect has to remember of the stream beside its chunks'
	// state. LoadState reads it again; it reports false for what AppendState did not write.
	AppendState(dst []byte) []byte
	LoadState(src []byte) bool
}

// requester makes requests of a dialect.
type requester interface {
	// Request appends the call that a canonical request becomes. It returns a
	// *penstock.Error for what can't be expressed.
	Request(out []byte, env *canonical.Envelope) ([]byte, error)
}

// client is the client side of a dialect. It serves one call at a time, and no call sees
// anything of the one before.
type client interface {
	// Accept appends {"body":…} with the canonical request that a client's request becomes.
	// It returns a *penstock.Error for what the client must change.
	Accept(out []byte, env *canonical.Envelope) ([]byte, error)
	// Render appends {"body":…} with the reply that a canonical completion becomes, or the
	// error that {"error":{…}} is.
	Render(out []byte, env *canonical.Envelope) []byte

	// Start begins a stream to the client. Chunk appends the frames that a canonical chunk
	// becomes, or {"error":{…}}, and End those that complete the stream. A chunk is an object
	// in one line.
	Start(env *canonical.Envelope)
	Chunk(out []byte, chunk canonical.Value) []byte
	End(out []byte) []byte
	// AppendState appends what the dialect has to remember of the stream. LoadState reads it
	// again; it reports false for what AppendState did not write.
	AppendState(dst []byte) []byte
	LoadState(src []byte) bool
}
