package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// planInstructions finds the system messages at the beginning that can be the instructions:
// those that hold text alone. In JSON mode OpenAI looks for the word JSON in the input only,
// so they stay there then.
func (r *request) planInstructions() {
	messages, n := r.in.Messages, 0
	for n < len(messages) && messages[n].Role == canonical.System && textOnly(messages[n].Content) {
		n++
	}
	if n == len(messages) || r.in.WantsJSON() && r.in.AnswerSchema().Null() {
		n = 0
	}
	r.instructions = n
}

// textOnly reports whether a content is a string or a list of texts without marks.
func textOnly(content canonical.Value) bool {
	for v := range content.Items {
		p := canonical.ReadPart(v)
		if !canonical.IsText(string(canonical.Text(p.Kind))) || p.ExplicitBreakpoint() {
			return false
		}
	}
	return content.Kind() != '{'
}

// writeInstructions joins the system messages at the beginning.
func (r *request) writeInstructions() error {
	mark := len(r.B)
	r.Name("instructions")
	r.Byte('"')
	start := len(r.B)
	add := func(text canonical.Value) {
		if raw := canonical.Inside(text); len(raw) > 0 {
			if len(r.B) > start {
				r.Raw(canonical.Paragraph)
			}
			r.B = append(r.B, raw...)
		}
	}
	for i := range r.in.Messages[:r.instructions] {
		content := r.in.Messages[i].Content
		add(content)
		for v := range content.Items {
			p := canonical.ReadPart(v)
			add(p.Text())
		}
	}
	if len(r.B) == start {
		r.B = r.B[:mark]
		return nil
	}
	r.Byte('"')
	return nil
}

// writeInput writes the conversation as items.
func (r *request) writeInput() error {
	r.Name("input")
	r.Open('[')
	for i := r.instructions; i < len(r.in.Messages); i++ {
		if err := r.writeMessage(&r.in.Messages[i], i); err != nil {
			return err
		}
	}
	if r.items == 0 {
		return canonical.Reject("messages", "no message has any content to send")
	}
	r.Close(']')
	return nil
}

func (r *request) writeMessage(m *canonical.Message, i int) error {
	if m.Content.Kind() == '{' {
		return canonical.Reject(canonical.At("messages", i)+".content", "must be a string or an array of parts")
	}
	switch m.Role {
	case canonical.System:
		return r.writeInputMessage(`"system"`, m, i)
	case canonical.User:
		return r.writeInputMessage(`"user"`, m, i)
	case canonical.Assistant:
		return r.writeAssistant(m, i)
	case canonical.Tool, canonical.Function:
		return r.writeResult(m, i)
	}
	return canonical.Reject(canonical.At("messages", i)+".role", "must be system, developer, user, assistant or tool")
}

// beginItem begins an item, endItem ends it.
func (r *request) beginItem() {
	r.items++
	r.Open('{')
}

func (r *request) endItem() { r.Close('}') }

// writeInputMessage writes what system and user say. A message without any content leaves no
// trace.
func (r *request) writeInputMessage(role string, m *canonical.Message, i int) error {
	if !filled(m.Content) {
		return nil
	}
	r.beginItem()
	r.MemberLiteral("role", role)
	r.Name("content")
	if err := r.writeContent(m.Content, i); err != nil {
		return err
	}
	r.endItem()
	return nil
}

// filled reports whether a content has anything in it.
func filled(content canonical.Value) bool {
	return len(canonical.Inside(content)) > 0 || canonical.Filled(content)
}

// writeAssistant writes thoughts, text and tool calls, in the order in which models make
// them.
func (r *request) writeAssistant(m *canonical.Message, i int) error {
	r.writeThoughts(m)
	if err := r.writeAssistantText(m, i); err != nil {
		return err
	}
	return r.writeToolCalls(m, i)
}

// writeAssistantText writes the text of an assistant message as one string, which every service
// takes: parts are for messages with an id. A refusal is a paragraph of its own.
func (r *request) writeAssistantText(m *canonical.Message, i int) error {
	mark, items := len(r.B), r.items
	r.beginItem()
	r.MemberLiteral("role", `"assistant"`)
	r.Name("content")
	r.Byte('"')
	start := len(r.B)
	r.B = append(r.B, canonical.Inside(m.Content)...)
	if err := r.writeAssistantParts(m.Content, i); err != nil {
		return err
	}
	r.writeRefusal(m.Refusal, start)
	if len(r.B) == start {
		r.B, r.items = r.B[:mark], items
		return nil
	}
	r.Byte('"')
	r.endItem()
	return nil
}

// writeRefusal writes a refusal into the text that begins at start.
func (r *request) writeRefusal(refusal canonical.Value, start int) {
	raw := canonical.Inside(refusal)
	if len(raw) > 0 && len(r.B) > start {
		r.Raw(canonical.Paragraph)
	}
	r.B = append(r.B, raw...)
}

// writeAssistantParts joins the parts of an assistant message, which are text. The thinking of
// other providers' models is left out, and so are the tools that they have run.
func (r *request) writeAssistantParts(content canonical.Value, i int) error {
	start, k := len(r.B), 0
	var said canonical.Speech
	for v := range content.Items {
		p := canonical.ReadPart(v)
		kind := string(canonical.Text(p.Kind))
		text := p.Text()
		switch {
		case canonical.IsServerTool(kind):
			said.RunTool()
			r.Drop(partPath(i, k))
		case kind == "thinking" || kind == "redacted_thinking" || kind == "reasoning":
		case !canonical.IsText(kind):
			return rejectPart(i, k, "an assistant's message holds text and refusals only")
		case text.Kind() != '"':
			return rejectPart(i, k, "must have a text that is a string")
		case kind == "refusal":
			r.writeRefusal(text, start)
		default:
			if said.Say(canonical.Inside(text)) {
				r.Raw(canonical.Paragraph)
			}
			r.B = append(r.B, canonical.Inside(text)...)
		}
		k++
	}
	return nil
}
