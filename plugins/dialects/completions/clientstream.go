package completions

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Start begins a stream to the client.
func (c *Client) Start(env *canonical.Envelope) {
	r := &c.reply
	*r = clientReply{offsets: r.offsets[:0], request: env.RequestID, echo: canonical.Inside(env.Context.Member("echo"))}
	r.created = env.Created
}

// Chunk appends the pieces of a text that a canonical chunk becomes, or the error that it is.
func (c *Client) Chunk(out []byte, chunk canonical.Value) []byte {
	r := &c.reply
	r.B = out
	part := canonical.ReadCompletion(chunk)
	switch {
	case r.ended:
	case part.Error != nil:
		r.Raw("data: {")
		r.MemberValue("error", part.Error)
		r.EndEvent()
		r.ended = true
	default:
		r.take(&part)
	}
	return r.B
}

// End appends what completes the stream.
func (c *Client) End(out []byte) []byte {
	if c.reply.ended {
		return out
	}
	c.reply.ended = true
	return append(out, "data: [DONE]\n\n"...)
}

// take sends the choices of a chunk of which there is anything to say, and the usage.
func (r *clientReply) take(part *canonical.Completion) {
	mark := len(r.B)
	r.Raw("data: ")
	begin(&r.Writer, r.request, r.created, part.Model)
	start := len(r.B)
	for a := range part.Answers {
		r.takeChoice(&a)
	}
	if len(r.B) == start && part.Usage.Null() {
		r.B = r.B[:mark]
		return
	}
	r.Byte(']')
	r.MemberValue("usage", part.Usage)
	r.EndEvent()
}

// takeChoice sends a piece of one choice. Its first one begins with the prompt, where that is
// to be repeated.
func (r *clientReply) takeChoice(a *canonical.Answer) {
	offset := r.offset(a.Index)
	if offset == nil {
		return
	}
	var c choice
	if !offset.begun {
		c.echo = r.echo
		offset.at = canonical.CountRunes(r.echo)
	}
	text := canonical.CountRunes(canonical.Inside(a.Content)) + canonical.CountRunes(canonical.Inside(a.Refusal))
	if len(c.echo) == 0 && text == 0 && canonical.FinishOf(a.FinishReason) == canonical.Unfinished && !canonical.Filled(a.Logprobs) {
		return
	}
	offset.begun = true
	c.offset = offset.at
	offset.at += text
	writeChoice(&r.Writer, a, c)
}
