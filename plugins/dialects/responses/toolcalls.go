package responses

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeToolCalls writes an assistant message's calls, each an item of its own.
func (r *request) writeToolCalls(m *canonical.Message, i int) error {
	k := 0
	for call := range m.ToolCalls.Items {
		tool, custom := canonical.CalledTool(call)
		switch {
		case custom:
			r.writeCustomCall(r.ids.ID(m, k), tool)
		case tool.Kind() == '{':
			r.writeCall(r.ids.ID(m, k), tool)
		default:
			return canonical.Reject(canonical.At(canonical.At("messages", i)+".tool_calls", k), "only calls of functions and custom tools can be sent to the Responses API")
		}
		k++
	}
	if m.FunctionCall.Kind() == '{' {
		r.writeCall(r.ids.ID(m, k), m.FunctionCall)
	}
	return nil
}

func (r *request) writeCall(id []byte, function canonical.Value) {
	r.beginItem()
	r.MemberLiteral("type", `"function_call"`)
	r.MemberText("call_id", id)
	r.MemberText("name", r.Context.ProviderName(canonical.Text(function.Member("name"))))
	r.Name("arguments")
	switch arguments := function.Member("arguments"); {
	case len(canonical.Inside(arguments)) > 0:
		r.Value(arguments)
	case arguments.Kind() == '{':
		r.B = penstock.AppendText(r.B, arguments)
	default:
		r.Literal(`"{}"`)
	}
	r.endItem()
}

func (r *request) writeCustomCall(id []byte, tool canonical.Value) {
	r.beginItem()
	r.MemberLiteral("type", `"custom_tool_call"`)
	r.MemberText("call_id", id)
	r.MemberText("name", r.Context.ProviderName(canonical.Text(tool.Member("name"))))
	r.Name("input")
	r.Quoted(canonical.Inside(tool.Member("input")))
	r.endItem()
}

// writeResult writes what a tool returned. That it failed has no member of its own.
func (r *request) writeResult(m *canonical.Message, i int) error {
	r.beginItem()
	if m.ResultOfCustom {
		r.MemberLiteral("type", `"custom_tool_call_output"`)
	} else {
		r.MemberLiteral("type", `"function_call_output"`)
	}
	r.MemberText("call_id", m.ResultID)
	r.Name("output")
	if m.Content.Kind() != '"' && m.Content.Kind() != '[' {
		r.Literal(`""`)
	} else if err := r.writeContent(m.Content, i); err != nil {
		return err
	}
	r.endItem()
	return nil
}
