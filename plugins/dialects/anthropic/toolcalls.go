package anthropic

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeToolCalls writes an assistant message's calls as tool_use blocks.
func (r *request) writeToolCalls(m *canonical.Message, i int) error {
	k := 0
	for call := range m.ToolCalls.Items {
		function := call.Member("function")
		if function.Null() {
			return canonical.Reject(canonical.At(canonical.At("messages", i)+".tool_calls", k), "only function calls can be sent to Anthropic")
		}
		r.writeToolUse(r.ids.ID(m, k), function, call)
		k++
	}
	if m.FunctionCall.Kind() == '{' {
		r.writeToolUse(r.ids.ID(m, k), m.FunctionCall, nil)
	}
	return nil
}

// writeToolUse writes one call. What stands beside the function is Anthropic's own.
func (r *request) writeToolUse(id []byte, function, beside canonical.Value) {
	r.block()
	r.Literal(`{"type":"tool_use","id":`)
	r.Text(id)
	r.MemberText("name", r.Context.ProviderName(canonical.Text(function.Member("name"))))
	r.Name("input")
	r.writeInput(function.Member("arguments"))
	r.MemberValue("caller", beside.Member("caller"))
	r.endBlock(&canonical.Part{CacheControl: beside.Member("cache_control")})
}

// writeInput writes a call's arguments, which OpenAI keeps in a string, as the object they
// stand for. Anything else than an object becomes an empty one.
func (r *request) writeInput(arguments canonical.Value) {
	if arguments.Kind() != '{' {
		r.Scratch, _ = arguments.Text(r.Scratch[:0])
		if arguments = bytes.TrimSpace(r.Scratch); !canonical.Valid(arguments) {
			arguments = nil
		}
	}
	if arguments.Kind() != '{' {
		r.Literal("{}")
		return
	}
	r.Value(arguments)
}

// writeToolResult writes a tool message as a block of the user's message.
func (r *request) writeToolResult(m *canonical.Message, i int) error {
	r.begin(canonical.User)
	r.block()
	r.Literal(`{"type":"tool_result","tool_use_id":`)
	r.Text(m.ResultID)
	if err := r.writeResultContent(m, i); err != nil {
		return err
	}
	r.MemberValue("is_error", m.IsError)
	r.endBlock(&canonical.Part{CacheControl: m.CacheControl})
	return nil
}

func (r *request) writeResultContent(m *canonical.Message, i int) error {
	mark := len(r.B)
	r.Name("content")
	r.Open('[')
	start, outer, k := len(r.B), r.open, 0
	r.open.nested = true
	for v := range m.Content.Items {
		if err := r.writePart(v, i, k, false); err != nil {
			return err
		}
		k++
	}
	if raw, ok := m.Content.Inside(); ok {
		r.writeText(raw, nil, false)
	}
	r.open = outer
	if len(r.B) == start {
		r.B = r.B[:mark] // a tool that returned nothing
		return nil
	}
	r.Close(']')
	return nil
}
