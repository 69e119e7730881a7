package dialects

// trace is thinking that an assistant message brings back.
type trace struct {
	// data is set for a redacted one, the others for one in the clear.
	thinking, signature, data value
}

// thoughts yields what can be sent back to Anthropic: thinking_blocks, as this module
// gives them out, or else OpenRouter's reasoning_details. Thinking without its signature,
// and what another provider's models have thought, is left out: Anthropic refuses both.
func (m *message) thoughts(yield func(trace) bool) {
	if filled(m.thinkingBlocks) {
		for v := range m.thinkingBlocks.Items {
			if t, ok := readThought(v, "thinking", "thinking", "redacted_thinking"); ok && !yield(t) {
				return
			}
		}
		return
	}
	for v := range m.traces.Items {
		if !anthropics(v) {
			continue
		}
		if t, ok := readThought(v, "reasoning.text", "text", "reasoning.encrypted"); ok && !yield(t) {
			return
		}
	}
}

// thoughtful reports whether a message brings back any thinking.
func (m *message) thoughtful() bool {
	for range m.thoughts {
		return true
	}
	return false
}

// anthropics reports whether one of reasoning_details is Anthropic's, or says nothing of
// whose it is.
func anthropics(detail value) bool {
	format := detail.Member("format")
	return format.Null() || string(text(format)) == "anthropic-claude-v1"
}

// readThought reads a block whose type is plain, with its text in the member called
// name, or redacted.
func readThought(v value, plain, name, redacted string) (t trace, ok bool) {
	switch string(text(v.Member("type"))) {
	case plain:
		t.thinking, t.signature = v.Member(name), v.Member("signature")
		return t, len(inside(t.signature)) > 0
	case redacted:
		t.data = v.Member("data")
		return t, len(inside(t.data)) > 0
	}
	return t, false
}

// writeThoughts writes the thinking of an assistant message, which has to come before its
// tool calls.
func (r *request) writeThoughts(m *message) {
	for t := range m.thoughts {
		r.block()
		r.open('{')
		if t.data != nil {
			r.memberLiteral("type", `"redacted_thinking"`)
			r.memberValue("data", t.data)
		} else {
			r.writeThinking(t)
		}
		r.close('}')
		r.turn.marked = true // it can't be a cache breakpoint
	}
}

func (r *request) writeThinking(t trace) {
	r.memberLiteral("type", `"thinking"`)
	if t.thinking.Kind() != '"' {
		t.thinking = value(`""`)
	}
	r.memberValue("thinking", t.thinking)
	r.memberValue("signature", t.signature)
}
