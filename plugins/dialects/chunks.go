package dialects

// beginChunk writes a chunk as far as its delta's first member; endChunk writes the
// rest. Every line of an event's output is one chunk.
func (t *translator) beginChunk() *writer {
	w := &t.lines
	t.beginLine()
	w.add(`,"choices":[{"index":0,"delta":{`)
	return w
}

// beginLine begins a line of the output as every chunk does.
func (t *translator) beginLine() {
	if len(t.lines.b) > 0 {
		t.lines.close('\n')
	}
	t.lines.b = append(t.lines.b, t.stream.head...)
}

func (t *translator) endChunk() {
	t.lines.add(`},"logprobs":null,"finish_reason":null}]}`)
}

// openReply sends the role, once, before anything else.
func (t *translator) openReply() {
	s := &t.stream
	if s.phase != started {
		return
	}
	if len(s.model) > 0 { // message_start has not come, or named no model
		w := writer{b: s.head}
		w.memberText("model", s.model)
		s.head, s.model = w.b, nil
	}
	s.phase = opened
	w := t.beginChunk()
	w.literal(`"role":"assistant","content":"","refusal":null`)
	t.endChunk()
}

func (t *translator) sendText(raw []byte) {
	if len(raw) == 0 {
		return
	}
	t.stream.text += runes(raw)
	w := t.beginChunk()
	w.add(`"content":`)
	w.quoted(raw)
	t.endChunk()
}

// sendThinking sends thinking twice over: as text for people, and as a piece of the
// block that a next request has to bring back. Clients join pieces by their index.
func (t *translator) sendThinking(number int64, raw []byte) {
	if len(raw) == 0 {
		return
	}
	w := t.beginChunk()
	w.name("reasoning_content")
	w.quoted(raw)
	beginThought(w, number, `"thinking"`)
	w.name("thinking")
	w.quoted(raw)
	t.endThought()
}

// sendThought sends one member of a thinking block.
func (t *translator) sendThought(number int64, kind, name string, v value) {
	w := t.beginChunk()
	beginThought(w, number, kind)
	w.memberValue(name, v)
	t.endThought()
}

func (t *translator) sendSignature(number int64, signature value) {
	if len(inside(signature)) > 0 {
		t.sendThought(number, `"thinking"`, "signature", signature)
	}
}

func beginThought(w *writer, number int64, kind string) {
	w.name("thinking_blocks")
	w.open('[')
	w.open('{')
	w.memberInt("index", number)
	w.memberLiteral("type", kind)
}

func (t *translator) endThought() {
	t.lines.add("}]")
	t.endChunk()
}

// sendCall begins a tool call; sendArguments continues it.
func (t *translator) sendCall(number int64, id, name value) {
	known := recall{names: t.stream.names}
	w := t.beginChunk()
	if t.legacyCall(number) {
		w.name("function_call")
	} else {
		t.beginCall(w, number)
		writeCallID(w, id, number)
		w.memberLiteral("type", `"function"`)
		w.name("function")
	}
	w.open('{')
	w.memberValue("name", known.here(name))
	w.memberLiteral("arguments", `""`)
	t.endCall(number)
}

// legacyCall reports whether a call is sent in the deprecated form, which has place for
// one.
func (t *translator) legacyCall(number int64) bool { return t.stream.legacy && number == 0 }

// sendArguments sends a piece of a call's arguments, given as the inside of a JSON
// string.
func (t *translator) sendArguments(number int64, raw []byte) {
	w := t.beginChunk()
	if t.legacyCall(number) {
		w.name("function_call")
	} else {
		t.beginCall(w, number)
		w.name("function")
	}
	w.open('{')
	w.name("arguments")
	w.quoted(raw)
	t.endCall(number)
}

func (t *translator) beginCall(w *writer, number int64) {
	if t.stream.legacy {
		number-- // the first is not among them
	}
	w.name("tool_calls")
	w.open('[')
	w.open('{')
	w.memberInt("index", number)
}

func (t *translator) endCall(number int64) {
	if t.legacyCall(number) {
		t.lines.close('}')
	} else {
		t.lines.add("}}]")
	}
	t.endChunk()
}

// sendRefusal says why the model would not answer, once.
func (t *translator) sendRefusal(why value) {
	if t.stream.refused || why.Null() {
		return
	}
	t.stream.refused = true
	w := t.beginChunk()
	w.memberValue("refusal", why)
	t.endChunk()
}

// sendFinish sends the finish reason, once, after all that was held back for it.
func (t *translator) sendFinish() {
	s := &t.stream
	if s.phase != opened {
		return
	}
	t.endBlocks()
	t.sendAnnotations()
	s.phase = finished
	w := t.beginChunk()
	w.add(`},"logprobs":null,"finish_reason":`)
	w.add(s.stop.json(s.tools, s.legacy))
	w.add(`}]}`)
}

// sendUsage sends the chunk without choices that carries the usage, if the provider
// has counted.
func (t *translator) sendUsage() {
	if !t.stream.usage.known {
		return
	}
	w := &t.lines
	t.beginLine()
	w.add(`,"choices":[],"usage":`)
	t.stream.usage.write(w)
	w.close('}')
}

// noteUsage tells the host what the provider has counted so far, in a chunk that has no
// choices and reaches nobody: a stream that breaks off is charged by it.
func (t *translator) noteUsage() {
	if !t.stream.usage.known {
		return
	}
	w := &t.lines
	t.beginLine()
	w.add(`,"usage":`)
	t.stream.usage.write(w)
	w.close('}')
}

// sendDone ends a reply that has come to its end.
func (t *translator) sendDone() {
	t.stream.phase = ended
	if len(t.lines.b) > 0 {
		t.lines.close('\n')
	}
	t.lines.add("[DONE]")
}

// sendFailure ends a reply that is not.
func (t *translator) sendFailure(f failure) {
	t.stream.phase = ended
	w := &t.lines
	if len(w.b) > 0 {
		w.close('\n')
	}
	f.write(w)
	w.close('}')
}
