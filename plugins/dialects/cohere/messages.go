package cohere

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeMessages writes the conversation. Cohere takes the roles in any order, several
// system messages among them.
func (r *request) writeMessages() error {
	r.Name("messages")
	r.Open('[')
	r.writeInstruction()
	start := len(r.B)
	for i := range r.in.Messages {
		if err := r.writeMessage(&r.in.Messages[i], i); err != nil {
			return err
		}
		if i == len(r.in.Messages)-1 || !r.in.Messages[i+1].IsResult() {
			if err := r.writeResultImages(); err != nil {
				return err
			}
		}
	}
	if len(r.B) == start {
		return canonical.Reject("messages", "no message has any content to send")
	}
	r.Close(']')
	return nil
}

func (r *request) writeMessage(m *canonical.Message, i int) error {
	switch m.Role {
	case canonical.System:
		return r.writeSpoken(m, i, "system")
	case canonical.User:
		return r.writeSpoken(m, i, "user")
	case canonical.Assistant:
		return r.writeAssistant(m, i)
	case canonical.Tool, canonical.Function:
		return r.writeToolResult(m, i)
	}
	return canonical.Reject(canonical.At("messages", i)+".role", "must be system, developer, user, assistant or tool")
}

// writeSpoken writes a message of the system or the user, or nothing if it has no content.
func (r *request) writeSpoken(m *canonical.Message, i int, role string) error {
	mark := len(r.B)
	r.Open('{')
	r.MemberText("role", []byte(role))
	filled, err := r.writeContent(m, i)
	if err != nil {
		return err
	}
	if !filled {
		r.B = r.B[:mark]
		return nil
	}
	r.Close('}')
	return nil
}

// writeAssistant writes an assistant's message: what it thought and said, and the tools that
// it called. What it said before calling tools is its plan at Cohere's.
func (r *request) writeAssistant(m *canonical.Message, i int) error {
	mark := len(r.B)
	r.Literal(`{"role":"assistant"`)
	start := len(r.B)
	calls := m.CallsTools()
	if err := r.writeThoughtsAndText(m, i, calls); err != nil {
		return err
	}
	if calls {
		if err := r.writePlan(m, i); err != nil {
			return err
		}
		if err := r.writeToolCalls(m, i); err != nil {
			return err
		}
	}
	if len(r.B) == start {
		r.B = r.B[:mark]
		return nil
	}
	r.Close('}')
	return nil
}

// writeThoughtsAndText writes the content of an assistant's message, without the text when
// that is a plan.
func (r *request) writeThoughtsAndText(m *canonical.Message, i int, calls bool) error {
	mark := len(r.B)
	r.Name("content")
	r.Open('[')
	start := len(r.B)
	if r.model.thinks {
		for thought := range m.PlainThoughts {
			r.Literal(`{"type":"thinking","thinking":`)
			r.B = append(r.B, thought...)
			r.Byte('}')
		}
	}
	if !calls {
		if err := r.writeTexts(m, i); err != nil {
			return err
		}
	}
	if len(r.B) == start {
		r.B = r.B[:mark]
		return nil
	}
	r.Close(']')
	return nil
}

// writePlan writes the text of a message that calls tools.
func (r *request) writePlan(m *canonical.Message, i int) error {
	k := 0
	for v := range m.Content.Items {
		if canonical.IsServerTool(string(canonical.Text(v.Member("type")))) {
			r.Drop(partPath(i, k))
		}
		k++
	}
	r.Scratch = r.Scratch[:0]
	for text := range texts(m) {
		r.Scratch = append(r.Scratch, canonical.Inside(text)...)
	}
	if len(r.Scratch) > 0 {
		r.Name("tool_plan")
		r.Quoted(r.Scratch)
	}
	return nil
}

// texts yields the texts of an assistant's message, what it refused among them.
func texts(m *canonical.Message) func(yield func(canonical.Value) bool) {
	return func(yield func(canonical.Value) bool) {
		if m.Content.Kind() == '"' && !yield(m.Content) {
			return
		}
		for v := range m.Content.Items {
			if p := canonical.ReadPart(v); canonical.IsText(string(canonical.Text(p.Kind))) && !yield(p.Text()) {
				return
			}
		}
		if m.Refusal.Kind() == '"' {
			yield(m.Refusal)
		}
	}
}
