// Package anthropic is the dialect of Anthropic's Messages API, provider side: canonical
// requests become Anthropic's, and its replies, stream events and errors become canonical.
// Services that imitate the API are spoken to in the same way.
package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Provider is the provider side for one instance of the module. It serves one call at a
// time, and no call sees anything of the one before; what it keeps are buffers.
type Provider struct {
	request request
	stream  stream
	// blocks are those of a plain reply.
	blocks []canonical.Block
}
