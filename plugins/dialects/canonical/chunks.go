package canonical

import penstock "github.com/penstock/penstock/sdk/go"

// Chunks writes the canonical chunks of a stream, each a line of an event's output. What it
// has to remember from one event to the next is in its state.
type Chunks struct {
	lines Writer
	// scratch is for a citation while it becomes a line.
	scratch []byte
	// nativeFinish and stopSequence are those of the event.
	nativeFinish, stopSequence Value
	streamState
}

// Start prepares for a stream, above all what begins every chunk.
func (c *Chunks) Start(env *Envelope) error {
	w := Writer{B: make([]byte, 0, 256)}
	w.Open('{')
	writeIdentity(&w, "chat.completion.chunk", env)
	context := readContext(env.Context)
	c.streamState = streamState{head: w.B, model: env.Model, names: context.names, progress: progress{legacy: context.legacy}}
	if len(env.Model)+len(w.B) > penstock.MaxState/8 || len(context.names) > maxNames+len(`[]`) {
		return penstock.Reject(500, "model, request id or context are too long")
	}
	return nil
}

// BeginEvent forgets the lines of the event before.
func (c *Chunks) BeginEvent() {
	c.lines.B, c.nativeFinish, c.stopSequence = c.lines.B[:0], nil, nil
}

// Lines returns what this event has given. They are valid until the next BeginEvent.
func (c *Chunks) Lines() []byte { return c.lines.B }

// SetModel takes the provider's name for the model that answers. It counts before the
// reply is opened; else the model is called what the target is called.
func (c *Chunks) SetModel(model Value) {
	if c.named || model.Null() || len(c.head)+len(model) >= penstock.MaxState/4 {
		return
	}
	w := Writer{B: c.head}
	w.MemberValue("model", model)
	c.head, c.model, c.named = w.B, nil, true
}

// Open sends the role, once, before anything else.
func (c *Chunks) Open() {
	if c.phase != started {
		return
	}
	if len(c.model) > 0 {
		w := Writer{B: c.head}
		w.MemberText("model", c.model)
		c.head, c.model = w.B, nil
	}
	c.phase, c.named = opened, true
	c.begin().Literal(`"role":"assistant","content":"","refusal":null`)
	c.end()
}

// begin writes a chunk up to its delta's first member, end writes the rest.
func (c *Chunks) begin() *Writer {
	if c.index == 0 {
		c.beginLine(`,"choices":[{"index":0,"delta":{`)
		return &c.lines
	}
	c.beginLine(`,"choices":[{"index":`)
	c.lines.B = penstock.AppendWhole(c.lines.B, c.index)
	c.lines.Raw(`,"delta":{`)
	return &c.lines
}

func (c *Chunks) end() {
	c.lines.Raw(`},"logprobs":null,"finish_reason":null}]}`)
}

// beginLine begins a line as every chunk begins, and goes on with more.
func (c *Chunks) beginLine(more string) {
	if len(c.lines.B) > 0 {
		c.lines.Byte('\n')
	}
	c.lines.B = append(append(c.lines.B, c.head...), more...)
}

func (c *Chunks) newLine() {
	if len(c.lines.B) > 0 {
		c.lines.Byte('\n')
	}
}

// Text sends a piece of text, given as the inside of a JSON string.
func (c *Chunks) Text(raw []byte) {
	if len(raw) == 0 {
		return
	}
	c.text += CountRunes(raw)
	w := c.begin()
	w.Raw(`"content":`)
	w.Quoted(raw)
	c.end()
}

// TextWith sends a piece of text with the probabilities of its tokens, a list that may be
// empty.
func (c *Chunks) TextWith(raw []byte, logprobs Value) {
	if len(raw) == 0 || !Filled(logprobs) {
		c.Text(raw)
		return
	}
	c.text += CountRunes(raw)
	w := c.begin()
	w.Raw(`"content":`)
	w.Quoted(raw)
	w.Raw(`},"logprobs":`)
	writeLogprobs(w, []Value{logprobs})
	w.Raw(`,"finish_reason":null}]}`)
}

// NewThought returns the number of a block of thinking that begins now.
func (c *Chunks) NewThought() int64 {
	c.thoughts++
	return c.thoughts - 1
}

// Thinking sends a piece of thinking, given as the inside of a JSON string: as text for
// people, and as a piece of the block that the next request has to bring back. Clients join
// pieces by their index.
func (c *Chunks) Thinking(number int64, raw []byte) {
	if len(raw) == 0 {
		return
	}
	w := c.begin()
	w.Name("reasoning_content")
	w.Quoted(raw)
	beginThought(w, number, `"thinking"`)
	w.Name("thinking")
	w.Quoted(raw)
	c.endThought()
}

// Signature sends the signature of a block of thinking.
func (c *Chunks) Signature(number int64, signature Value) {
	if len(Inside(signature)) > 0 {
		c.thought(number, `"thinking"`, "signature", signature)
	}
}

// Redacted sends a block of encrypted thinking.
func (c *Chunks) Redacted(number int64, data Value) {
	c.thought(number, `"redacted_thinking"`, "data", data)
}

// thought sends one member of a block of thinking.
func (c *Chunks) thought(number int64, kind, name string, v Value) {
	w := c.begin()
	beginThought(w, number, kind)
	w.MemberValue(name, v)
	c.endThought()
}

func beginThought(w *Writer, number int64, kind string) {
	w.Name("thinking_blocks")
	w.Open('[')
	w.Open('{')
	w.MemberInt("index", number)
	w.MemberLiteral("type", kind)
}

func (c *Chunks) endThought() {
	c.lines.Raw("}]")
	c.end()
}

// Refusal sends why the model would not answer, once.
func (c *Chunks) Refusal(why Value) {
	if c.refused || why.Null() {
		return
	}
	c.refused = true
	c.begin().MemberValue("refusal", why)
	c.end()
}

// RefusalPiece sends a piece of why the model would not answer, given as the inside of a JSON
// string.
func (c *Chunks) RefusalPiece(raw []byte) {
	if len(raw) == 0 {
		return
	}
	c.refused = true
	w := c.begin()
	w.Name("refusal")
	w.Quoted(raw)
	c.end()
}

// Usage sends the chunk without choices that carries the usage, if the provider has
// counted.
func (c *Chunks) Usage(u Usage) { c.usage(u, `,"choices":[],"usage":`) }

// NoteUsage reports to the host what the provider has counted so far. The line has no choices
// and no client sees it: a stream that breaks off is charged by it.
func (c *Chunks) NoteUsage(u Usage) { c.usage(u, `,"usage":`) }

func (c *Chunks) usage(u Usage, before string) {
	if !u.Known {
		return
	}
	c.beginLine(before)
	u.Write(&c.lines)
	if u.Tier != 0 {
		c.lines.MemberText("service_tier", []byte(u.Tier.String()))
	}
	c.lines.Byte('}')
}

// SetFinish notes why the reply ends. Unfinished changes nothing.
func (c *Chunks) SetFinish(f Finish) {
	if f != Unfinished {
		c.stop = f
	}
}

// SetNativeFinish notes the provider's own word for why the reply ends, where it says more,
// and the stop sequence that was met. Both count for a Finish in the same event.
func (c *Chunks) SetNativeFinish(word, sequence Value) {
	c.nativeFinish, c.stopSequence = word, sequence
}

// Finish sends the finish reason, once, after the annotations.
func (c *Chunks) Finish() {
	if c.phase != opened {
		return
	}
	c.sendAnnotations()
	c.phase = finished
	w := c.begin()
	w.Raw(`},"logprobs":null,"finish_reason":`)
	w.Raw(c.stop.json(c.calls, c.legacy))
	w.MemberValue("native_finish_reason", c.nativeFinish)
	w.MemberValue("stop_reason", c.stopSequence)
	w.Raw(`}]}`)
}

// Done ends a reply that is complete.
func (c *Chunks) Done() {
	c.phase = ended
	c.newLine()
	c.lines.Raw("[DONE]")
}

// Fail ends a reply that is not.
func (c *Chunks) Fail(f Failure) {
	c.phase = ended
	c.newLine()
	f.Write(&c.lines, 0)
}

// Interrupted ends a reply whose stream ended before the reply was complete.
func (c *Chunks) Interrupted() {
	c.Fail(ServerError("stream_interrupted", "The provider's stream ended before the reply was complete."))
}
