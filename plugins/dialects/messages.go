package main

import "github.com/valyala/fastjson"

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

func roleOf(message *fastjson.Value) role {
	switch string(message.GetStringBytes("role")) {
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

// cast notes who says what.
func (r *request) cast() {
	r.turns, r.monologue = r.said.messages.GetArray(), true
	for _, m := range r.turns {
		who := roleOf(m)
		r.roles = append(r.roles, who)
		r.monologue = r.monologue && who == systemRole
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
}

// jsonInstruction asks for what response_format's json_object means; Anthropic has
// no such mode.
const jsonInstruction = `{"type":"text","text":"Respond with one valid JSON object and nothing else."}`

// writeSystem writes what system and developer messages say, wherever they stand,
// as blocks of the top-level prompt. Without any other message they stay where they
// are and become the user's: Anthropic answers nobody else.
func (r *request) writeSystem() error {
	mark := len(r.b)
	r.name("system")
	r.open('[')
	start := len(r.b)
	if !r.monologue {
		r.turn.nested = true
		for i, m := range r.turns {
			if r.roles[i] != systemRole {
				continue
			}
			if err := r.writeContent(m, i, false); err != nil {
				return err
			}
		}
		r.turn = turn{}
	}
	r.writeFormatInstruction()
	if len(r.b) == start {
		r.b = r.b[:mark]
		return nil
	}
	r.close(']')
	return nil
}

// writeFormatInstruction says in words what response_format asks of a model that
// has no parameter for it.
func (r *request) writeFormatInstruction() {
	format := r.said.responseFormat
	switch string(format.GetStringBytes("type")) {
	case "json_object":
		r.literal(jsonInstruction)
	case "json_schema":
		schema := format.Get("json_schema", "schema")
		if r.schema() != nil || missing(schema) {
			return
		}
		r.raw = schema.MarshalTo(r.raw[:0])
		r.open('{')
		r.memberLiteral("type", `"text"`)
		r.memberLiteral("text", `"Respond with one JSON object and nothing else. It must satisfy this JSON schema: `)
		r.b = appendEscaped(r.b, r.raw)
		r.b = append(r.b, '"')
		r.close('}')
	}
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
	assistant := r.roles[i] == assistantRole
	for i++; i < len(r.turns); i++ {
		if (r.roles[i] == assistantRole) != assistant {
			break
		}
	}
	return i
}

// writeRun writes messages of one side. Tool results go first: they have to stand
// right behind the calls, before any text.
func (r *request) writeRun(from, to int) error {
	for i := from; i < to; i++ {
		if r.roles[i] == toolRole || r.roles[i] == functionRole {
			if err := r.writeToolResult(r.turns[i], i); err != nil {
				return err
			}
		}
	}
	for i := from; i < to; i++ {
		if err := r.writeMessage(r.turns[i], i); err != nil {
			return err
		}
	}
	return nil
}

func (r *request) writeMessage(m *fastjson.Value, i int) error {
	switch r.roles[i] {
	case userRole:
		return r.writeUser(m, i)
	case assistantRole:
		return r.writeAssistant(m, i)
	case systemRole:
		if r.monologue {
			return r.writeUser(m, i)
		}
	case unknownRole:
		return reject(at("messages", i)+".role", "must be system, developer, user, assistant or tool")
	}
	return nil
}

func (r *request) writeUser(m *fastjson.Value, i int) error {
	r.begin(userRole)
	return r.writeContent(m, i, false)
}

// writeAssistant writes thoughts, text and tool calls, in the order that Anthropic
// checks when thinking is on.
func (r *request) writeAssistant(m *fastjson.Value, i int) error {
	r.begin(assistantRole)
	if r.family.thinks() {
		r.writeThoughts(m)
	}
	// What the model is to continue must not end in white space.
	last := i == len(r.turns)-1 && len(m.GetArray("tool_calls")) == 0
	if err := r.writeContent(m, i, last); err != nil {
		return err
	}
	if raw, ok := rawString(r.raw[:0], m.Get("refusal")); ok {
		r.raw = raw
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
		r.b = append(r.b, ']', '}')
	}
}
