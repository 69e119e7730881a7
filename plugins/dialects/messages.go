package dialects

// role is who speaks, as far as it matters here.
type role int

const (
	unknownRole role = iota
	systemRole
	userRole
	assistantRole
	toolRole
	functionRole
)

func roleOf(v value) role {
	switch string(text(v)) {
	case "system", "developer":
		return systemRole
	case "user":
		return userRole
	case "assistant":
		return assistantRole
	case "tool":
		return toolRole
	case "function":
		return functionRole
	}
	return unknownRole
}

// message is one message with its members; nil when absent.
type message struct {
	role                   role
	content, refusal       value
	cacheControl           value
	toolCalls, call        value
	toolCallID, isError    value
	name                   value
	thinkingBlocks, traces value
	// firstCall is where the message's calls begin among all, id that of the call that a
	// result belongs to.
	firstCall int
	id        []byte
}

func readMessage(v value) (m message) {
	for key, member := range v.Members {
		switch string(key) {
		case "role":
			m.role = roleOf(member)
		case "content":
			m.content = member
		case "refusal":
			m.refusal = member
		case "cache_control":
			m.cacheControl = member
		case "tool_calls":
			m.toolCalls = member
		case "function_call":
			m.call = member
		case "tool_call_id":
			m.toolCallID = member
		case "name":
			m.name = member
		case "is_error":
			m.isError = member
		case "thinking_blocks":
			m.thinkingBlocks = member
		case "reasoning_details":
			m.traces = member
		}
	}
	return m
}

// readTurns reads the messages. What the system says behind the assistant's last message
// is the user's turn: in the system prompt it would leave the assistant last, which asks
// Anthropic to continue that message. The same goes for system messages without any
// other: Anthropic answers nobody else.
func (r *request) readTurns() {
	for v := range r.said.messages.Items {
		r.turns = append(r.turns, readMessage(v))
	}
	from := len(r.turns)
	for from > 0 && (r.turns[from-1].role == systemRole || r.turns[from-1].silent()) {
		from--
	}
	if from > 0 && r.turns[from-1].role != assistantRole {
		return
	}
	for i := from; i < len(r.turns); i++ {
		if r.turns[i].role == systemRole {
			r.turns[i].role = userRole
		}
	}
}

// turn is the message that is being written. Anthropic's turns alternate, so a turn
// gathers what consecutive messages of one side say. It is opened by its first
// block: a message without content leaves no trace.
type turn struct {
	// side is whose turn is open, unknownRole before the first; pending is whose the
	// next block is.
	side, pending role
	// nested marks blocks that belong to no turn: those of the system prompt and
	// those inside a tool result.
	nested bool
	// blocks counts the blocks written in all.
	blocks int
	// marked says that the last block has a cache marker, or can't have one.
	marked bool
}

// writeSystem writes what system and developer messages say, wherever they stand,
// as blocks of the top-level prompt.
func (r *request) writeSystem() error {
	mark := len(r.b)
	r.name("system")
	r.open('[')
	start := len(r.b)
	r.turn.nested = true
	for i := range r.turns {
		if r.turns[i].role != systemRole {
			continue
		}
		if err := r.writeMarked(&r.turns[i], i, (*request).writeSaid); err != nil {
			return err
		}
	}
	r.turn = turn{}
	r.writeFormatInstruction()
	if len(r.b) == start {
		r.b = r.b[:mark]
		return nil
	}
	r.close(']')
	return nil
}

// writeMessages writes the conversation as alternating turns.
func (r *request) writeMessages() error {
	r.name("messages")
	r.open('[')
	for i := 0; i < len(r.turns); {
		end := r.runEnd(i)
		if err := r.writeRun(i, end); err != nil {
			return err
		}
		i = end
	}
	if r.turn.blocks == 0 {
		return reject("messages", "no message has any content to send")
	}
	r.closeTurn()
	r.close(']')
	return nil
}

// runEnd is where the messages of one side that begin at i end.
func (r *request) runEnd(i int) int {
	assistant := r.turns[i].role == assistantRole
	for i++; i < len(r.turns); i++ {
		if (r.turns[i].role == assistantRole) != assistant {
			break
		}
	}
	return i
}

// writeRun writes messages of one side. Tool results go first: they have to stand
// right behind the calls, before any text.
func (r *request) writeRun(from, to int) error {
	for i := from; i < to; i++ {
		if r.turns[i].role == toolRole || r.turns[i].role == functionRole {
			if err := r.writeToolResult(&r.turns[i], i); err != nil {
				return err
			}
		}
	}
	for i := from; i < to; i++ {
		if err := r.writeMessage(&r.turns[i], i); err != nil {
			return err
		}
	}
	return nil
}

func (r *request) writeMessage(m *message, i int) error {
	switch m.role {
	case userRole:
		r.begin(userRole)
		return r.writeMarked(m, i, (*request).writeSaid)
	case assistantRole:
		r.begin(assistantRole)
		return r.writeMarked(m, i, (*request).writeAssistant)
	case unknownRole:
		return reject(at("messages", i)+".role", "must be system, developer, user, assistant or tool")
	}
	return nil
}

// writeMarked writes a message and puts its cache marker on its last block.
func (r *request) writeMarked(m *message, i int, write func(*request, *message, int) error) error {
	mark := len(r.b)
	if err := write(r, m, i); err != nil {
		return err
	}
	r.cacheLast(mark, m.cacheControl)
	return nil
}

func (r *request) writeSaid(m *message, i int) error { return r.writeContent(m, i, false) }

// writeAssistant writes thoughts, text and tool calls, in the order that Anthropic
// checks when thinking is on.
func (r *request) writeAssistant(m *message, i int) error {
	if r.family.thinks() {
		r.writeThoughts(m)
	}
	// What the model is to continue must not end in white space.
	last := i == r.prefill
	if err := r.writeContent(m, i, last); err != nil {
		return err
	}
	if raw, ok := m.refusal.Inside(); ok {
		r.writeText(raw, nil, last)
	}
	return r.writeToolCalls(m, i)
}

// begin says whose turn the following blocks belong to.
func (r *request) begin(side role) { r.turn.pending = side }

// block makes room for a block: it changes turns when the side does. A conversation
// has to begin with the user; when it does not, a word is put before it.
func (r *request) block() {
	t := &r.turn
	t.marked = false
	if t.nested {
		return
	}
	t.blocks++
	if t.side == t.pending {
		return
	}
	if t.side == unknownRole && t.pending == assistantRole {
		r.literal(`{"role":"user","content":[{"type":"text","text":"(The conversation so far.)"}]}`)
	}
	r.closeTurn()
	t.side = t.pending
	if t.side == assistantRole {
		r.literal(`{"role":"assistant","content":[`)
		return
	}
	r.literal(`{"role":"user","content":[`)
}

func (r *request) closeTurn() {
	if r.turn.side != unknownRole {
		r.add("]}")
	}
}
