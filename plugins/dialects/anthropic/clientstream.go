package anthropic

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// Start begins a stream to the client.
func (c *Client) Start(env *canonical.Envelope) {
	r := &c.reply
	*r = clientReply{blocks: r.blocks[:0], request: env.RequestID, names: canonical.ClientNames(env.Context)}
}

// Chunk appends the events that a canonical chunk becomes, or the error that it is.
func (c *Client) Chunk(out []byte, chunk canonical.Value) []byte {
	r := &c.reply
	r.B = out
	part := canonical.ReadCompletion(chunk)
	switch {
	case r.phase == replyEnded:
	case part.Error != nil:
		r.Raw("event: error\ndata: ")
		writeError(&r.Writer, part.Error)
		r.Raw("\n\n")
		r.phase = replyEnded
	default:
		r.take(&part)
	}
	return r.B
}

// End appends the events that complete the message.
func (c *Client) End(out []byte) []byte {
	r := &c.reply
	r.B = out
	if r.phase == replyEnded {
		return r.B
	}
	r.begin(nil)
	r.closeAll()
	r.BeginEvent("message_delta")
	r.Name("delta")
	r.Open('{')
	stop := clientStop{finish: r.finish, word: r.word, refused: r.refused, sequence: r.sequence}
	stop.write(&r.Writer, r.calls > 0)
	r.Close('}')
	writeUsage(&r.Writer, &r.usage, nil)
	r.EndEvent()
	r.BeginEvent("message_stop")
	r.EndEvent()
	r.phase = replyEnded
	return r.B
}

// take turns one chunk into events. The end of the message waits for End, because the usage
// comes after the finish reason.
func (r *clientReply) take(part *canonical.Completion) {
	if !part.Usage.Null() {
		if u := canonical.ReadUsage(part.Usage); u.Known {
			r.usage = u
		}
	}
	r.begin(part.Model)
	a := part.Delta()
	r.takeThoughts(&a)
	r.takeText(canonical.Inside(a.Content))
	if refusal := canonical.Inside(a.Refusal); len(refusal) > 0 {
		r.refused = true
		r.takeText(refusal)
	}
	for call := range a.Calls {
		r.takeCall(&call)
	}
	for page := range a.Citations {
		r.cite(&page)
	}
	if stop := stopOf(&a); stop.finish != canonical.Unfinished {
		r.finish, r.word, r.sequence = stop.finish, stop.word, nil
		if len(stop.sequence) <= maxSequence {
			r.sequence = stop.sequence
		}
	}
}

// maxSequence bounds a stop sequence that is remembered, in bytes.
const maxSequence = 4 << 10

// begin sends the message without its content, once.
func (r *clientReply) begin(model canonical.Value) {
	if r.phase != replyStarted {
		return
	}
	r.phase = replyOpened
	r.BeginEvent("message_start")
	r.Name("message")
	r.Open('{')
	beginMessage(&r.Writer, r.request, model)
	r.Raw(`,"content":[],"stop_reason":null,"stop_sequence":null`)
	writeUsage(&r.Writer, &r.usage, nil)
	r.Close('}')
	r.EndEvent()
}

func (r *clientReply) takeThoughts(a *canonical.Answer) {
	for t := range a.Thoughts {
		r.signed = true
		if t.Data != nil {
			r.sendRedacted(t.Data)
			continue
		}
		b := r.block(canonical.ThinkingBlock, t.Number)
		r.piece(b, canonical.Inside(t.Thinking))
		r.sign(b, t.Signature)
	}
	// Thoughts that are signed are there a second time, as text for people.
	if text := a.Reasoning(); !r.signed && len(text) > 0 {
		r.piece(r.block(canonical.ThinkingBlock, 0), text)
	}
}

func (r *clientReply) takeText(raw []byte) {
	if len(raw) > 0 {
		r.piece(r.block(canonical.TextBlock, 0), raw)
	}
}

// takeCall sends on a piece of a call.
func (r *clientReply) takeCall(c *canonical.AnswerCall) {
	raw := canonical.Inside(c.Arguments)
	if c.Arguments.Kind() == '{' { // some services give the object itself
		raw = penstock.AppendInside(nil, c.Arguments)
	}
	if b := r.call(c, len(raw) > 0); b != nil {
		r.piece(b, b.arguments.feed(raw))
	}
}
