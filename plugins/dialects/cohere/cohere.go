// Package cohere is the dialect of Cohere's Chat API in its version 2, provider side:
// canonical requests become Cohere's, and its replies, stream events and errors become
// canonical. Version 1 is another API and not spoken.
package cohere

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Provider is the provider side for one instance of the module. It serves one call at a
// time, and no call sees anything of the one before; what it keeps are buffers.
type Provider struct {
	request request
	stream  stream
	// blocks are those of a plain reply.
	blocks []canonical.Block
}
