package dialect

import (
	"io"

	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// plain is a whole completion as a stream of one event.
type plain struct {
	body  []byte
	tally llm.Tally
	read  bool
}

func newPlain(body []byte) *plain {
	p := &plain{body: body}
	p.tally.Usage = usageOf(gjson.GetBytes(body, "usage"))
	choice := gjson.GetBytes(body, "choices.0")
	p.tally.Finish = choice.Get("finish_reason").Str
	p.tally.ToolCalls = choice.Get("message.tool_calls").IsArray()
	p.tally.Model = gjson.GetBytes(body, "model").Str
	if p.tally.Usage == nil {
		p.tally.TextBytes = textBytes([]byte(gjson.GetBytes(body, "choices").Raw))
	}
	return p
}

// Next gives the one event, then io.EOF.
func (p *plain) Next() (llm.Event, error) {
	if p.read {
		return llm.Event{}, io.EOF
	}
	p.read = true
	return llm.Event{Frame: p.body, Data: p.body, Final: true, Content: true}, nil
}

// Tally is complete from the start.
func (p *plain) Tally() llm.Tally { return p.tally }

// Close does nothing: the body has been read.
func (p *plain) Close() error { return nil }
