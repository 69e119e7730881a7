package wire

import (
	"io"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// plain is a whole reply as a stream of one event.
type plain struct {
	body []byte
	info llm.ReplyInfo
	// dialect is the body's; empty means canonical.
	dialect llm.Dialect
	read    bool
}

// infoOf is what a whole completion says about itself.
func infoOf(c *chunk, b bounds) llm.ReplyInfo {
	out := c.produced()
	return llm.ReplyInfo{Usage: usageOf(c.counted(), b), TextBytes: out.text, Pieces: 1, Finish: string(c.finish), Model: string(c.model),
		Tier: tierOf(c.tier), ToolCalls: out.toolCalls, Content: out.content, Whole: true}
}

// Next gives the one event, then io.EOF.
func (p *plain) Next() (llm.Event, error) {
	if p.read {
		return llm.Event{}, io.EOF
	}
	p.read = true
	return llm.Event{Frame: p.body, Data: p.body, Dialect: p.dialect, Final: true, Content: p.info.Content}, nil
}

// Info is complete from the start.
func (p *plain) Info() llm.ReplyInfo { return p.info }

// Close does nothing: the body has been read.
func (p *plain) Close() error { return nil }
