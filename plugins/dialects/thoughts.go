package main

// writeThoughts writes the thinking that an assistant message brings back, which
// has to come before its tool calls. It travels in thinking_blocks, as this module
// gives it out, or in OpenRouter's reasoning_details. Thinking without its
// signature is left out: Anthropic refuses it.
func (r *request) writeThoughts(m *message) {
	for v := range m.thinkingBlocks.Items {
		r.writeThought(v, "thinking", "thinking", "redacted_thinking")
	}
	if filled(m.thinkingBlocks) {
		return
	}
	for v := range m.traces.Items {
		r.writeThought(v, "reasoning.text", "text", "reasoning.encrypted")
	}
}

// writeThought writes a block whose type is plain, with its text in the member called
// name, or redacted.
func (r *request) writeThought(v value, plain, name, redacted string) {
	switch string(text(v.Member("type"))) {
	case plain:
		r.writeThinking(v.Member(name), v.Member("signature"))
	case redacted:
		r.writeRedacted(v.Member("data"))
	}
}

func (r *request) writeThinking(thinking, signature value) {
	if len(inside(signature)) == 0 {
		return
	}
	r.block()
	r.open('{')
	r.memberLiteral("type", `"thinking"`)
	if thinking.Null() {
		r.memberLiteral("thinking", `""`)
	}
	r.memberValue("thinking", thinking)
	r.memberValue("signature", signature)
	r.close('}')
}

func (r *request) writeRedacted(data value) {
	if data.Null() {
		return
	}
	r.block()
	r.open('{')
	r.memberLiteral("type", `"redacted_thinking"`)
	r.memberValue("data", data)
	r.close('}')
}
