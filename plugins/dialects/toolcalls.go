package dialects

import "bytes"

// writeToolCalls writes an assistant message's calls as tool_use blocks.
func (r *request) writeToolCalls(m *message, i int) error {
	k := 0
	for call := range m.toolCalls.Items {
		function := call.Member("function")
		if function.Null() {
			return reject(at(at("messages", i)+".tool_calls", k), "only function calls can be sent to Anthropic")
		}
		r.writeToolUse(r.pairing.calls[m.firstCall+k].id, function)
		k++
	}
	if m.call.Kind() == '{' {
		r.writeToolUse(r.pairing.calls[m.firstCall+k].id, m.call)
	}
	return nil
}

func (r *request) writeToolUse(id []byte, function value) {
	r.block()
	r.literal(`{"type":"tool_use","id":`)
	r.text(id)
	r.memberText("name", r.there(text(function.Member("name"))))
	r.name("input")
	r.writeInput(function.Member("arguments"))
	r.close('}')
}

// writeInput writes a call's arguments, which OpenAI keeps in a string, as the
// object they stand for. Anything else than an object becomes an empty one.
func (r *request) writeInput(arguments value) {
	if arguments.Kind() != '{' {
		r.raw, _ = arguments.Text(r.raw[:0])
		if arguments = bytes.TrimSpace(r.raw); !valid(arguments) {
			arguments = nil
		}
	}
	if arguments.Kind() != '{' {
		r.literal("{}")
		return
	}
	r.value(arguments)
}

// oddID is where the first character from i on stands that ids may not have.
func oddID(id []byte, i int) int {
	for ; i < len(id); i++ {
		c := id[i]
		alnum := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !alnum && c != '-' && c != '_' {
			break
		}
	}
	return i
}

// writeToolResult writes a tool message as a block of the user's turn.
func (r *request) writeToolResult(m *message, i int) error {
	r.begin(userRole)
	r.block()
	r.literal(`{"type":"tool_result","tool_use_id":`)
	r.text(m.id)
	if err := r.writeResultContent(m, i); err != nil {
		return err
	}
	r.memberValue("is_error", m.isError)
	r.endBlock(&part{cacheControl: m.cacheControl})
	return nil
}

func (r *request) writeResultContent(m *message, i int) error {
	mark := len(r.b)
	r.name("content")
	r.open('[')
	start, outer, k := len(r.b), r.turn, 0
	r.turn.nested = true
	for v := range m.content.Items {
		if err := r.writePart(v, i, k, false); err != nil {
			return err
		}
		k++
	}
	if raw, ok := m.content.Inside(); ok {
		r.writeText(raw, nil, false)
	}
	r.turn = outer
	if len(r.b) == start {
		r.b = r.b[:mark] // a tool that returned nothing
		return nil
	}
	r.close(']')
	return nil
}
