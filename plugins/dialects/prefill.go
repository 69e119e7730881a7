package dialects

// planPrefill finds the message that the model is to continue: the last one, when it is
// the assistant's and says something. Models that would refuse it are not asked.
func (r *request) planPrefill() error {
	r.prefill = -1
	for i := len(r.turns) - 1; i >= 0; i-- {
		m := &r.turns[i]
		if m.role == systemRole || m.silent() {
			continue // it leaves no trace in the conversation
		}
		if m.role == assistantRole && !m.callsTools() {
			r.prefill = i
		}
		break
	}
	if r.prefill >= 0 && !r.family.prefills() {
		return reject(at("messages", r.prefill), "this model does not continue an assistant message (a prefill); end with a user message")
	}
	return nil
}

func (m *message) callsTools() bool { return filled(m.toolCalls) || m.call.Kind() == '{' }

// silent reports whether a message has neither text nor anything else to send.
func (m *message) silent() bool {
	if m.role == toolRole || m.role == functionRole || m.callsTools() || len(trimRaw(inside(m.refusal))) > 0 || m.thoughtful() {
		return false
	}
	for v := range m.content.Items {
		p := readPart(v)
		if !isText(string(text(p.kind))) || len(trimRaw(inside(p.said()))) > 0 {
			return false
		}
	}
	return len(trimRaw(inside(m.content))) == 0
}
