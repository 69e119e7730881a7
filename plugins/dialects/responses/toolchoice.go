package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeToolChoice writes tool_choice and whether calls may come in parallel.
func (r *request) writeToolChoice() error {
	if r.declared == 0 {
		return nil
	}
	// The deprecated form has no place for several calls in its answer.
	if r.in.ForbidsParallelCalls() || r.Context.Legacy {
		r.MemberLiteral("parallel_tool_calls", "false")
	}
	if allowed := r.in.AllowedTools(); allowed != nil {
		r.writeAllowedTools(allowed)
		return nil
	}
	switch choice, name := r.in.ToolChoice(); choice {
	case canonical.ChooseAuto:
		r.MemberLiteral("tool_choice", `"auto"`)
	case canonical.ChooseNone:
		r.MemberLiteral("tool_choice", `"none"`)
	case canonical.ChooseAny:
		r.MemberLiteral("tool_choice", `"required"`)
	case canonical.ChooseOne:
		r.Name("tool_choice")
		r.writeNamed(`"function"`, name)
	case canonical.ChooseCustom:
		r.Name("tool_choice")
		r.writeNamed(`"custom"`, name)
	}
	return nil
}

func (r *request) writeNamed(kind string, name []byte) {
	r.Open('{')
	r.MemberLiteral("type", kind)
	r.MemberText("name", r.Context.ProviderName(name))
	r.Close('}')
}

// writeAllowedTools narrows the declared tools down.
func (r *request) writeAllowedTools(allowed canonical.Value) {
	r.Name("tool_choice")
	r.Literal(`{"type":"allowed_tools","mode":`)
	if r.in.ForcesTool() {
		r.Literal(`"required"`)
	} else {
		r.Literal(`"auto"`)
	}
	r.Name("tools")
	r.Open('[')
	for v := range allowed.Items {
		switch tool, custom := canonical.CalledTool(v); {
		case custom:
			r.writeNamed(`"custom"`, canonical.Text(tool.Member("name")))
		case tool.Kind() == '{':
			r.writeNamed(`"function"`, canonical.Text(tool.Member("name")))
		default:
			r.Value(v)
		}
	}
	r.Raw("]}")
}
