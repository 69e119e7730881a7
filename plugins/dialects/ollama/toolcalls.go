package ollama

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeToolCalls writes the calls of an assistant's message.
func (r *request) writeToolCalls(m *canonical.Message, i int) error {
	r.Name("tool_calls")
	r.Open('[')
	k := 0
	for call := range m.ToolCalls.Items {
		function := call.Member("function")
		if function.Null() {
			return canonical.Reject(canonical.At(canonical.At("messages", i)+".tool_calls", k), "only function calls can be sent to Ollama")
		}
		r.writeToolCall(r.ids.ID(m, k), function)
		k++
	}
	if m.FunctionCall.Kind() == '{' {
		r.writeToolCall(r.ids.ID(m, k), m.FunctionCall)
	}
	r.Close(']')
	return nil
}

func (r *request) writeToolCall(id []byte, function canonical.Value) {
	name := function.Member("name")
	r.names[string(id)] = name
	r.Literal(`{"id":`)
	r.Text(id)
	r.Raw(`,"function":{`)
	r.MemberValue("name", name)
	r.Name("arguments")
	r.writeArguments(function.Member("arguments"))
	r.Raw("}}")
}

// writeArguments writes a call's arguments, which OpenAI keeps in a string, as the object
// they stand for. Anything else than an object becomes an empty one.
func (r *request) writeArguments(arguments canonical.Value) {
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

// writeResultName writes which tool a result is of, and of which call.
func (r *request) writeResultName(m *canonical.Message) {
	name := canonical.Or(r.names[string(m.ResultID)], m.Name)
	r.MemberValue("tool_name", name)
	r.MemberText("tool_call_id", m.ResultID)
}
