package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// userForSystem gives the user what the system says behind the model's last message, where it
// is meant to be read, and what it says in a conversation of nobody else: Gemini wants a
// content to answer.
func (r *request) userForSystem() {
	messages := r.in.Messages
	from := len(messages)
	for from > 0 && (messages[from-1].Role == canonical.System || saysNothing(&messages[from-1])) {
		from--
	}
	if from > 0 && messages[from-1].Role != canonical.Assistant {
		return
	}
	for i := from; i < len(messages); i++ {
		if messages[i].Role == canonical.System {
			messages[i].Role = canonical.User
		}
	}
}

// saysNothing reports whether a message has nothing to send.
func saysNothing(m *canonical.Message) bool {
	if m.IsResult() || m.CallsTools() || len(canonical.Inside(m.Refusal)) > 0 || len(canonical.Inside(m.Content)) > 0 {
		return false
	}
	for v := range m.Content.Items {
		p := canonical.ReadPart(v)
		if !canonical.IsText(string(canonical.Text(p.Kind))) || len(canonical.Inside(p.Text())) > 0 {
			return false
		}
	}
	return true
}

// openContent is the content that is being written. It gathers what consecutive messages of
// one side say, and is opened by its first part: a message without any leaves no trace.
type openContent struct {
	// side is whose content is open, UnknownRole before the first. Pending is whose the next
	// part is.
	side, pending canonical.Role
	// nested marks parts that belong to no content: those of the system's instruction and
	// those within a function's result.
	nested bool
	// parts counts the parts written in all.
	parts int
}

// begin says whose content the following parts belong to.
func (r *request) begin(side canonical.Role) { r.open.pending = side }

// part makes room for a part: it begins a content when the side changes. A call must follow
// what the user says; where nothing does, a word is put before it.
func (r *request) part() {
	o := &r.open
	if o.nested {
		return
	}
	o.parts++
	if o.side == o.pending {
		return
	}
	if o.side == canonical.UnknownRole && o.pending == canonical.Assistant {
		r.Literal(`{"role":"user","parts":[{"text":"(The conversation so far.)"}]}`)
	}
	r.closeContent()
	o.side = o.pending
	if o.side == canonical.Assistant {
		r.Literal(`{"role":"model","parts":[`)
		return
	}
	r.Literal(`{"role":"user","parts":[`)
}

func (r *request) closeContent() {
	if r.open.side != canonical.UnknownRole {
		r.Raw("]}")
	}
}

// writeContents writes the conversation, user and model alternating.
func (r *request) writeContents() error {
	r.Name("contents")
	r.Open('[')
	for i := 0; i < len(r.in.Messages); {
		end := r.in.RunEnd(i)
		if err := r.writeRun(i, end); err != nil {
			return err
		}
		i = end
	}
	if r.open.parts == 0 {
		return canonical.Reject("messages", "no message has any content to send")
	}
	r.closeContent()
	r.Close(']')
	return nil
}

// writeRun writes messages of one side.
func (r *request) writeRun(from, to int) error {
	if r.in.Messages[from].Role == canonical.Assistant {
		return r.writeModel(from, to)
	}
	if err := r.writeResults(from, to); err != nil {
		return err
	}
	for i := from; i < to; i++ {
		m := &r.in.Messages[i]
		switch m.Role {
		case canonical.User:
			r.begin(canonical.User)
			if err := r.writeContent(m.Content, i); err != nil {
				return err
			}
		case canonical.UnknownRole:
			return canonical.Reject(canonical.At("messages", i)+".role", "must be system, developer, user, assistant or tool")
		}
	}
	return nil
}

// writeModel writes what the model said, and remembers its calls.
func (r *request) writeModel(from, to int) error {
	r.begin(canonical.Assistant)
	r.calls = r.calls[:0]
	for i := from; i < to; i++ {
		m := &r.in.Messages[i]
		mark := len(r.B)
		if err := r.writeContent(m.Content, i); err != nil {
			return err
		}
		if raw := canonical.Inside(m.Refusal); len(raw) > 0 {
			r.writeText(raw)
		}
		r.signText(m, mark)
		if err := r.writeCalls(m, i); err != nil {
			return err
		}
	}
	return nil
}

// writeSystem writes what system and developer messages say, wherever they stand, as the
// instruction.
func (r *request) writeSystem() error {
	mark := len(r.B)
	r.Name("systemInstruction")
	r.Raw(`{"parts":[`)
	start := len(r.B)
	r.open.nested = true
	for i := range r.in.Messages {
		if m := &r.in.Messages[i]; m.Role == canonical.System {
			if err := r.writeContent(m.Content, i); err != nil {
				return err
			}
		}
	}
	r.open.nested = false
	r.writeFormatInstruction()
	if len(r.B) == start {
		r.B = r.B[:mark]
		return nil
	}
	r.Raw("]}")
	return nil
}
