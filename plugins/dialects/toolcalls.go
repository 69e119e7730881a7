package main

import (
	"strconv"

	"github.com/valyala/fastjson"
)

// writeToolCalls writes an assistant message's calls as tool_use blocks.
func (r *request) writeToolCalls(m *fastjson.Value, i int) error {
	for k, call := range m.GetArray("tool_calls") {
		function := call.Get("function")
		if missing(function) {
			return reject(at(at("messages", i)+".tool_calls", k), "only function calls can be sent to Anthropic")
		}
		r.writeToolUse(call.GetStringBytes("id"), function)
	}
	if function := m.Get("function_call"); function.GetObject() != nil {
		r.caller = i
		r.writeToolUse(functionID(i), function)
	}
	return nil
}

func (r *request) writeToolUse(id []byte, function *fastjson.Value) {
	r.block()
	r.literal(`{"type":"tool_use","id":`)
	r.text(toolID(id))
	r.memberText("name", function.GetStringBytes("name"))
	r.name("input")
	r.writeInput(function.Get("arguments"))
	r.close('}')
}

// writeInput writes a call's arguments, which OpenAI keeps in a string, as the
// object they stand for. Anything else than an object becomes an empty one.
func (r *request) writeInput(arguments *fastjson.Value) {
	if arguments.GetObject() != nil {
		r.value(arguments)
		return
	}
	text := arguments.GetStringBytes()
	// The parser bounds the depth, and the validator is strict but does not.
	v, err := r.args.ParseBytes(text)
	if err != nil || v.GetObject() == nil || fastjson.ValidateBytes(text) != nil {
		r.literal("{}")
		return
	}
	r.comma()
	r.b = append(r.b, text...)
}

// toolID replaces what Anthropic does not allow in the id of a call. The same
// happens to the id in its result, so they still match.
func toolID(id []byte) []byte {
	if len(id) == 0 {
		return []byte("call")
	}
	for i, c := range id {
		alnum := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !alnum && c != '-' && c != '_' {
			id[i] = '_'
		}
	}
	return id
}

// functionID makes up an id for a call in the deprecated form, which has none: the
// message that holds it.
func functionID(i int) []byte { return strconv.AppendInt([]byte("function_"), int64(i), 10) }

// writeToolResult writes a tool message as a block of the user's turn.
func (r *request) writeToolResult(m *fastjson.Value, i int) error {
	id := m.GetStringBytes("tool_call_id")
	if r.roles[i] == functionRole {
		id = functionID(r.caller)
	}
	r.begin(userRole)
	r.block()
	r.literal(`{"type":"tool_result","tool_use_id":`)
	r.text(toolID(id))
	if err := r.writeResultContent(m, i); err != nil {
		return err
	}
	r.memberValue("is_error", m.Get("is_error"))
	r.endBlock(m)
	return nil
}

func (r *request) writeResultContent(m *fastjson.Value, i int) error {
	mark := len(r.b)
	r.name("content")
	r.open('[')
	start, outer := len(r.b), r.turn
	r.turn.nested = true
	for k, part := range m.GetArray("content") {
		if err := r.writePart(part, i, k, false); err != nil {
			return err
		}
	}
	if raw, ok := rawString(r.raw[:0], m.Get("content")); ok {
		r.raw = raw
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
