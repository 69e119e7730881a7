package ollama

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeMessages writes the conversation. Ollama takes the roles in any order.
func (r *request) writeMessages() error {
	r.Name("messages")
	r.Open('[')
	start := len(r.B)
	for i := range r.in.Messages {
		if err := r.writeMessage(&r.in.Messages[i], i); err != nil {
			return err
		}
	}
	if len(r.B) == start {
		return canonical.Reject("messages", "no message has any content to send")
	}
	r.Close(']')
	return nil
}

func roleName(role canonical.Role) string {
	switch role {
	case canonical.System:
		return "system"
	case canonical.User:
		return "user"
	case canonical.Assistant:
		return "assistant"
	case canonical.Tool, canonical.Function:
		return "tool"
	}
	return ""
}

// writeMessage writes a message, or nothing if it has no content.
func (r *request) writeMessage(m *canonical.Message, i int) error {
	role := roleName(m.Role)
	if role == "" {
		return canonical.Reject(canonical.At("messages", i)+".role", "must be system, developer, user, assistant or tool")
	}
	if err := r.readContent(m, i); err != nil {
		return err
	}
	calls := m.Role == canonical.Assistant && m.CallsTools()
	if r.parts.empty() && !calls && !m.IsResult() {
		return nil
	}
	r.Open('{')
	r.MemberText("role", []byte(role))
	r.Name("content")
	r.Quoted(r.parts.text)
	if m.Role == canonical.Assistant {
		r.writeThoughts(m)
	}
	r.writeImages()
	if calls {
		if err := r.writeToolCalls(m, i); err != nil {
			return err
		}
	}
	if m.IsResult() {
		r.writeResultName(m)
	}
	r.Close('}')
	return nil
}

// writeThoughts writes what the model thought, as one text. Thinking that another provider
// has signed is left out.
func (r *request) writeThoughts(m *canonical.Message) {
	mark := len(r.B)
	r.Name("thinking")
	r.Byte('"')
	start := len(r.B)
	for thought := range m.PlainThoughts {
		r.B = append(r.B, canonical.Inside(thought)...)
	}
	if len(r.B) == start {
		r.B = r.B[:mark]
		return
	}
	r.Byte('"')
}

func (r *request) writeImages() {
	if len(r.parts.images) == 0 {
		return
	}
	r.Name("images")
	r.Open('[')
	for _, image := range r.parts.images {
		r.writeImage(image)
	}
	r.Close(']')
}
