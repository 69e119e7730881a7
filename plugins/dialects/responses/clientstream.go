package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Start begins a stream to the client.
func (c *Client) Start(env *canonical.Envelope) {
	r := &c.reply
	*r = clientReply{items: r.items[:0], texts: r.texts[:0], request: env.RequestID, context: env.Context}
	r.created = env.Created
}

// Chunk appends the events that a canonical chunk becomes, or the error that it is.
func (c *Client) Chunk(out []byte, chunk canonical.Value) []byte {
	r := &c.reply
	r.B = out
	part := canonical.ReadCompletion(chunk)
	switch {
	case r.phase == replyEnded:
	case part.Error != nil:
		r.fail(part.Error)
	default:
		r.take(&part)
	}
	return r.B
}

// End appends the events that complete the response.
func (c *Client) End(out []byte) []byte {
	r := &c.reply
	r.B = out
	if r.phase == replyEnded {
		return r.B
	}
	r.begin(nil)
	e := endOf(r.finish)
	for i := range r.items {
		r.items[i].incomplete = i == len(r.items)-1 && e.status != "completed" && !r.items[i].closed
		r.close(i)
	}
	r.event("response." + e.status)
	r.sendResponse(&e, &r.usage)
	r.phase = replyEnded
	return r.B
}

// fail ends the response with an error.
func (r *clientReply) fail(fault canonical.Value) {
	r.begin(nil)
	r.event("response.failed")
	r.sendResponse(&end{status: "failed", fault: fault}, nil)
	r.phase = replyEnded
}

// take turns one chunk into events. The end of the response waits for End, because the usage
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
	r.takeText(mainText, canonical.Inside(a.Content))
	r.takeText(extraText, canonical.Inside(a.Refusal))
	for call := range a.Calls {
		r.takeCall(&call)
	}
	for page := range a.Citations {
		r.cite(&page)
	}
	if f := canonical.FinishOf(a.FinishReason); f != canonical.Unfinished {
		r.finish = f
	}
}

// begin sends the response without its content, once.
func (r *clientReply) begin(model canonical.Value) {
	if r.phase != replyStarted {
		return
	}
	r.phase, r.model = replyOpened, model
	for _, name := range [...]string{"response.created", "response.in_progress"} {
		r.event(name)
		r.sendResponse(&end{status: "in_progress"}, nil)
	}
}

// sendResponse sends the response as it is so far; items are part of it once it has ended.
func (r *clientReply) sendResponse(e *end, usage *canonical.Usage) {
	r.Name("response")
	h := r.head()
	h.begin(&r.Writer, e)
	if e.status != "in_progress" {
		for i := range r.items {
			o := r.output(i)
			o.write(&r.Writer, h, r.items[i].status(), false)
		}
	}
	h.finish(&r.Writer, usage)
	r.EndEvent()
}

func (it *streamItem) status() string {
	if it.incomplete || !it.closed {
		return "incomplete"
	}
	return "completed"
}

func (r *clientReply) takeThoughts(a *canonical.Answer) {
	for t := range a.Thoughts {
		r.claude = true
		if t.Data != nil {
			i := r.open(streamItem{kind: reasoningItem, form: redacted, key: -1}, nil, nil)
			r.setExtra(i, canonical.Inside(t.Data))
			continue
		}
		i := r.thought(t.Number, signed)
		r.piece(i, mainText, canonical.Inside(t.Thinking))
		r.setExtra(i, canonical.Inside(t.Signature))
	}
	if r.claude {
		return
	}
	if text := a.Reasoning(); len(text) > 0 {
		r.piece(r.thought(0, readable), mainText, text)
	}
	for v := range a.ReasoningDetails.Items {
		if data := encryptedOf(v); len(data) > 0 {
			i := r.thought(0, readable)
			if i >= 0 {
				r.items[i].form = encryption
			}
			r.setExtra(i, data)
			r.close(i)
		}
	}
}

// setExtra adds what a thought comes back with, which is no event of its own.
func (r *clientReply) setExtra(i int, raw []byte) {
	if i >= 0 && len(raw) > 0 {
		r.addText(i, extraText, raw)
	}
}

// thought returns the item of a thought: the last one, or a new one; -1 when there are too
// many.
func (r *clientReply) thought(key int64, form thoughtForm) int {
	if i := len(r.items) - 1; i >= 0 {
		if it := &r.items[i]; it.kind == reasoningItem && it.key == key && !it.closed {
			return i
		}
	}
	return r.open(streamItem{kind: reasoningItem, form: form, key: key}, nil, nil)
}

// takeText sends a piece of the message's text, or of its refusal.
func (r *clientReply) takeText(text int, raw []byte) {
	if len(raw) == 0 {
		return
	}
	i := len(r.items) - 1
	if i < 0 || r.items[i].kind != messageItem || r.items[i].closed || text == mainText && r.items[i].lens[extraText] > 0 {
		i = r.open(streamItem{kind: messageItem}, nil, nil)
	}
	r.piece(i, text, raw)
}

// takeCall sends a piece of a call, or begins it.
func (r *clientReply) takeCall(c *canonical.AnswerCall) {
	raw := argumentsOf(c.Arguments)
	id, name := canonical.Inside(c.ID), canonical.Inside(c.Name)
	for i := len(r.items) - 1; i >= 0; i-- {
		it := &r.items[i]
		if it.kind != callItem && it.kind != customItem || it.key != c.Number {
			continue
		}
		another := len(id) > 0 && len(name) > 0 && string(id) != string(r.text(i, callText)) && r.complete(i)
		if another { // some services number every call alike
			break
		}
		if !it.closed {
			r.piece(i, mainText, raw)
		}
		return
	}
	kind := callItem
	context := readClientContext(r.context)
	if context.isCustom(unquoted(name)) {
		kind = customItem
	}
	r.piece(r.open(streamItem{kind: kind, key: c.Number}, id, name), mainText, raw)
}

// complete reports whether the arguments of a call are whole.
func (r *clientReply) complete(i int) bool {
	arguments := r.text(i, mainText)
	if len(arguments) == 0 || arguments[len(arguments)-1] != '}' {
		return false
	}
	return canonical.Valid(unquoted(arguments))
}

// cite sends a page that the text refers to: that of the message that is open or, since some
// services name their sources first, of one that begins.
func (r *clientReply) cite(page *canonical.Cited) {
	i := len(r.items) - 1
	for i >= 0 && (r.items[i].kind != messageItem || r.items[i].closed) {
		i--
	}
	if i < 0 {
		return
	}
	w := canonical.Writer{}
	writeAnnotation(&w, page)
	if r.items[i].lens[annotationsText] > 0 {
		r.addText(i, annotationsText, []byte{','})
	}
	r.addText(i, annotationsText, w.B)
	r.itemEvent("response.output_text.annotation.added", i)
	r.MemberInt("content_index", r.partIndex(i, mainText))
	r.MemberInt("annotation_index", int64(r.items[i].cited))
	r.MemberValue("annotation", w.B)
	r.EndEvent()
	r.items[i].cited++
}
