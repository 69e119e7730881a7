// Package ollama is the dialect of Ollama's own chat API, provider side: canonical requests
// become Ollama's, and its replies, the lines of its streams and its errors become canonical.
package ollama

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Provider is the provider side for one instance of the module. It serves one call at a
// time, and no call sees anything of the one before; what it keeps are buffers.
type Provider struct {
	request request
	stream  stream
	// blocks are those of a plain reply.
	blocks []canonical.Block
}
