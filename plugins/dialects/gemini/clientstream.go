package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// Start begins a stream to the client.
func (c *Client) Start(env *canonical.Envelope) {
	c.reply = clientReply{calls: c.reply.calls[:0], request: env.RequestID, names: canonical.ClientNames(env.Context)}
	c.reply.shows = env.Context.Member(showThoughts).Kind() == 't'
	c.reply.mayCall = env.Context.Member(mayCall).Kind() == 't'
}

// Chunk appends the events that a canonical chunk becomes, or the error that it is.
func (c *Client) Chunk(out []byte, chunk canonical.Value) []byte {
	r := &c.reply
	r.B = out
	part := canonical.ReadCompletion(chunk)
	switch {
	case r.ended:
	case part.Error != nil:
		r.Raw("data: ")
		writeClientError(&r.Writer, part.Error, 0)
		r.Raw(eventEnd)
		r.ended = true
	default:
		r.take(&part)
	}
	return r.B
}

// eventEnd ends an event.
const eventEnd = "\n\n"

// beginEvent begins an event, which is a whole reply of generateContent, up to its first
// candidate.
func (r *clientReply) beginEvent() { r.Raw(`data: {"candidates":[`) }

// endEvent ends an event behind its last candidate.
func (r *clientReply) endEvent(usage *canonical.Usage) {
	r.Close(']')
	writeUsage(&r.Writer, usage, nil)
	endReply(&r.Writer, r.model, r.request)
	r.Raw(eventEnd)
}

// take turns one chunk into events, one for each answer. Calls wait until they are whole, and
// the reason why an answer ended for End, because the usage comes after it.
func (r *clientReply) take(part *canonical.Completion) {
	if !part.Usage.Null() {
		if u := canonical.ReadUsage(part.Usage); u.Known {
			r.usage = u
		}
	}
	if len(canonical.Inside(r.model)) == 0 {
		r.model = part.Model
	}
	for a := range part.Answers {
		if a.Index < 0 || a.Index >= canonical.MaxChoices {
			continue
		}
		r.begun |= 1 << a.Index
		r.takeAnswer(&a)
	}
}

// takeAnswer sends what a chunk adds to an answer, if that can be sent.
func (r *clientReply) takeAnswer(a *canonical.Answer) {
	end := &r.choices[a.Index]
	mark := len(r.B)
	r.beginEvent()
	r.Literal(`{"content":{"parts":[`)
	start := len(r.B)
	r.takeThoughts(a)
	if text := canonical.Inside(a.Content); len(text) > 0 {
		r.text.add(text, a.Index)
		writeTextPart(&r.Writer, text)
	}
	if refusal := canonical.Inside(a.Refusal); len(refusal) > 0 {
		end.refused = true
		writeTextPart(&r.Writer, refusal)
	}
	writeMediaParts(&r.Writer, a)
	for call := range a.Calls {
		r.takeCall(&call, a.Index)
	}
	if f := canonical.FinishOf(a.FinishReason); f != canonical.Unfinished {
		end.finish = f
	}
	if a.Index == 0 {
		r.takePages(a)
	}
	if len(r.B) == start && !canonical.Filled(a.Logprobs) {
		r.B = r.B[:mark]
		return
	}
	if len(r.B) == start { // clients take an event without a part for one that is broken
		r.Raw(`{"text":""}`)
	}
	r.Raw(`],"role":"model"}`)
	r.MemberInt("index", a.Index)
	writeChances(&r.Writer, a.Logprobs)
	r.Close('}')
	r.endEvent(&canonical.Usage{})
}

// takeThoughts sends what can be read of thoughts to a client that wants to see it, and keeps
// what has to be brought back to the provider.
func (r *clientReply) takeThoughts(a *canonical.Answer) {
	var readable []byte
	for t := range a.Thoughts {
		readable = append(readable, canonical.Inside(t.Thinking)...)
		if a.Index == 0 {
			r.keepThought(&t)
		}
	}
	end := &r.choices[a.Index]
	if text := a.Reasoning(); len(text) > 0 {
		readable, end.reasoned = text, true
	} else if end.reasoned { // it is there a second time
		readable = nil
	}
	if len(readable) > 0 && r.shows {
		writeThoughtPart(&r.Writer, readable)
	}
	if a.Index > 0 {
		return
	}
	if signature := r.carry.addDetails(a); !signature.Null() {
		r.textSignature = bytes.Clone(signature)
	}
	switch {
	case r.carry.signs() || !r.mayCall:
		r.carry.reasoning = nil
	default:
		r.carry.reasoning = append(r.carry.reasoning, readable...)
	}
}

// keepThought takes in a piece of a thought of Claude's.
func (r *clientReply) keepThought(t *canonical.Piece) {
	if t.Data != nil {
		r.carry.addRedacted(t.Data)
		return
	}
	if t.Number != r.thoughtKey {
		r.thought, r.thoughtKey = nil, t.Number
	}
	r.thought = append(r.thought, canonical.Inside(t.Thinking)...)
	if len(canonical.Inside(t.Signature)) > 0 {
		r.carry.addThought(r.thought, t.Signature)
		r.thought = nil
	}
}

// takePages keeps the pages that the text refers to. Beyond a bound they are left out.
func (r *clientReply) takePages(a *canonical.Answer) {
	for page := range a.Citations {
		w := canonical.Writer{}
		w.Open('[')
		w.Int(page.Start)
		w.Int(page.End)
		w.Value(page.URL)
		if page.Title.Kind() == '"' {
			w.Value(page.Title)
		}
		w.Close(']')
		if len(r.pages)+len(w.B) < maxKept {
			r.pages = append(append(r.pages, w.B...), '\n') // JSON in one line holds none
		}
	}
}

// keptPages are the pages that have been kept.
func (r *clientReply) keptPages() (pages []clientPage) {
	for line := range bytes.Lines(r.pages) {
		var items []canonical.Value
		for v := range canonical.Value(line[:len(line)-1]).Items {
			items = append(items, v)
		}
		p := clientPage{start: canonical.Whole(items[0]), end: canonical.Whole(items[1]), url: items[2]}
		if len(items) > 3 {
			p.title = items[3]
		}
		pages = append(pages, p)
	}
	return pages
}

// End appends the event that completes the reply: why each answer ended, the calls, and the
// usage.
func (c *Client) End(out []byte) []byte {
	r := &c.reply
	r.B = out
	if r.ended {
		return r.B
	}
	r.begun |= 1
	r.beginEvent()
	for choice := range int64(canonical.MaxChoices) {
		if r.begun&(1<<choice) != 0 {
			r.endCandidate(choice)
		}
	}
	r.endEvent(&r.usage)
	r.ended = true
	return r.B
}

// endCandidate writes the last piece of an answer. It has a part in any case: clients take an
// event without one for one that is broken.
func (r *clientReply) endCandidate(choice int64) {
	r.Literal(`{"content":{"parts":[`)
	start := len(r.B)
	none := carried{}
	first := &none
	if choice == 0 {
		first = &r.carry
		switch {
		case !r.textSignature.Null():
			signText(&r.Writer, false, func() { r.MemberValue("thoughtSignature", r.textSignature) })
		case !r.hasCalls(0) && r.carry.signs():
			signText(&r.Writer, false, func() { r.carry.write(&r.Writer) })
		}
	}
	r.writeCalls(choice, first)
	if len(r.B) == start {
		r.Raw(`{"text":""}`)
	}
	r.Raw(`],"role":"model"}`)
	r.choices[choice].write(&r.Writer)
	r.MemberInt("index", choice)
	if choice == 0 {
		at := r.text.bytesAt
		if r.text.full {
			at = nil
		}
		writeGrounding(&r.Writer, r.keptPages(), at)
	}
	r.Close('}')
}
