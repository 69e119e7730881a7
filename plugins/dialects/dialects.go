// Package dialects translates canonical chat-completions requests to a provider's own format,
// and the provider's replies, stream events and errors back. It is part of the built-in
// module, which is built for Wasm and embedded in the gateway. It sends nothing, knows no
// credentials and keeps nothing between calls: the state of a stream is passed in with every
// event.
//
// Each dialect has a package of its own below this one, all of one shape; README.md lists
// which file holds what. What they share is in package canonical.
package dialects

import (
	"github.com/penstock/penstock/plugins/dialects/anthropic"
	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// row is one dialect of the module.
type row struct {
	name     string
	provider provider
}

// table is the one list of dialects. A stream's state names its dialect by the position here.
func table() []row {
	return []row{
		{name: "anthropic", provider: new(anthropic.Provider)},
	}
}

// Names returns the names of the dialects, as configurations have them.
func Names() []string {
	var names []string
	for _, r := range table() {
		names = append(names, r.name)
	}
	return names
}

// provider is the provider side of a dialect. It serves one call at a time, and no call sees
// anything of the one before.
type provider interface {
	// Request appends the call that a canonical request becomes. It returns a
	// *penstock.Error for what can't be expressed.
	Request(out []byte, env *canonical.Envelope) ([]byte, error)
	// Response appends the completion or the error that a plain reply is.
	Response(out []byte, env *canonical.Envelope) []byte

	// Start begins a stream. Event translates one of the provider's events into chunks, and
	// End handles the end of its stream.
	Start()
	Event(c *canonical.Chunks, name, data []byte)
	End(c *canonical.Chunks)
	// AppendState appends what the dialect has to remember of the stream beside its chunks'
	// state. LoadState reads it again; it reports false for what AppendState did not write.
	AppendState(dst []byte) []byte
	LoadState(src []byte) bool
}
