package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// userForSystem gives the user the system messages behind the assistant's last message: in the
// system prompt they would leave the assistant last, which asks Anthropic to continue that
// message. The same goes for system messages without any other, because Anthropic wants a
// user's message.
func (r *request) userForSystem() {
	messages := r.in.Messages
	from := len(messages)
	for from > 0 && (messages[from-1].Role == canonical.System || leavesNoTrace(&messages[from-1])) {
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

// openMessage is the message that is being written. User and assistant alternate at
// Anthropic's, so it holds the blocks of consecutive messages of one side. It is opened by its
// first block: a message without content leaves no trace.
type openMessage struct {
	// side is whose message is open, UnknownRole before the first. Pending is whose the next
	// block is.
	side, pending canonical.Role
	// nested marks blocks that belong to no message: those of the system prompt and those
	// inside a tool result.
	nested bool
	// blocks counts the blocks written in all.
	blocks int
	// marked is set when the last block has a cache marker, or can't have one.
	marked bool
}

// writeSystem writes the content of system and developer messages, wherever they stand, as
// blocks of the top-level prompt.
func (r *request) writeSystem() error {
	mark := len(r.B)
	r.Name("system")
	r.Open('[')
	start := len(r.B)
	r.open.nested = true
	for i := range r.in.Messages {
		if r.in.Messages[i].Role != canonical.System {
			continue
		}
		if err := r.writeMarked(&r.in.Messages[i], i, (*request).writeUser); err != nil {
			return err
		}
	}
	r.open = openMessage{}
	r.writeFormatInstruction()
	if len(r.B) == start {
		r.B = r.B[:mark]
		return nil
	}
	r.Close(']')
	return nil
}

// writeMessages writes the conversation, user and assistant alternating.
func (r *request) writeMessages() error {
	r.Name("messages")
	r.Open('[')
	for i := 0; i < len(r.in.Messages); {
		end := r.in.RunEnd(i)
		if err := r.writeRun(i, end); err != nil {
			return err
		}
		i = end
	}
	if r.open.blocks == 0 {
		return canonical.Reject("messages", "no message has any content to send")
	}
	r.closeMessage()
	r.Close(']')
	return nil
}

// writeRun writes messages of one side. Tool results go first: they have to stand right
// behind the calls, before any text.
func (r *request) writeRun(from, to int) error {
	for i := from; i < to; i++ {
		if m := &r.in.Messages[i]; m.IsResult() {
			if err := r.writeToolResult(m, i); err != nil {
				return err
			}
		}
	}
	for i := from; i < to; i++ {
		if err := r.writeMessage(&r.in.Messages[i], i); err != nil {
			return err
		}
	}
	return nil
}

func (r *request) writeMessage(m *canonical.Message, i int) error {
	switch m.Role {
	case canonical.User:
		r.begin(canonical.User)
		return r.writeMarked(m, i, (*request).writeUser)
	case canonical.Assistant:
		r.begin(canonical.Assistant)
		return r.writeMarked(m, i, (*request).writeAssistant)
	case canonical.UnknownRole:
		return canonical.Reject(canonical.At("messages", i)+".role", "must be system, developer, user, assistant or tool")
	}
	return nil
}

// writeMarked writes a message and puts its cache marker on its last block.
func (r *request) writeMarked(m *canonical.Message, i int, write func(*request, *canonical.Message, int) error) error {
	mark := len(r.B)
	if err := write(r, m, i); err != nil {
		return err
	}
	r.markLast(mark, m.CacheControl)
	return nil
}

func (r *request) writeUser(m *canonical.Message, i int) error { return r.writeContent(m, i, false) }

// writeAssistant writes thoughts, text and tool calls, in the order that Anthropic checks
// when thinking is on.
func (r *request) writeAssistant(m *canonical.Message, i int) error {
	if r.model.thinks() {
		r.writeThoughts(m)
	}
	// What the model is to continue must not end in white space.
	last := i == r.prefill
	if err := r.writeContent(m, i, last); err != nil {
		return err
	}
	if raw, ok := m.Refusal.Inside(); ok {
		r.writeText(raw, nil, last)
	}
	return r.writeToolCalls(m, i)
}

// begin sets whose message the following blocks belong to.
func (r *request) begin(side canonical.Role) { r.open.pending = side }

// block makes room for a block: it begins a message when the side changes. A conversation
// has to begin with the user; when it does not, a word is put before it.
func (r *request) block() {
	o := &r.open
	o.marked = false
	if o.nested {
		return
	}
	o.blocks++
	if o.side == o.pending {
		return
	}
	if o.side == canonical.UnknownRole && o.pending == canonical.Assistant {
		r.Literal(`{"role":"user","content":[{"type":"text","text":"(The conversation so far.)"}]}`)
	}
	r.closeMessage()
	o.side = o.pending
	if o.side == canonical.Assistant {
		r.Literal(`{"role":"assistant","content":[`)
		return
	}
	r.Literal(`{"role":"user","content":[`)
}

func (r *request) closeMessage() {
	if r.open.side != canonical.UnknownRole {
		r.Raw("]}")
	}
}
