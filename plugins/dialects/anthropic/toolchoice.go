package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeToolChoice writes tool_choice, which also holds whether calls may come in parallel.
func (r *request) writeToolChoice() error {
	if r.declared == 0 {
		return nil
	}
	kind, name := r.toolChoice()
	// A reply in the deprecated form can hold one call only.
	serial := (r.in.ForbidsParallelCalls() || r.Context.Legacy) && kind != "none"
	if kind == "" && !serial {
		return nil
	}
	if kind == "" {
		kind = "auto"
	}
	r.Name("tool_choice")
	r.Open('{')
	r.MemberText("type", []byte(kind))
	if name != nil {
		r.MemberText("name", r.Context.ProviderName(name))
	}
	if serial {
		r.MemberLiteral("disable_parallel_tool_use", "true")
	}
	r.Close('}')
	return nil
}

// toolChoice is Anthropic's word for the request's choice, empty when it makes none.
func (r *request) toolChoice() (kind string, name []byte) {
	if r.historyOnly {
		return "none", nil
	}
	choice, name := r.in.ToolChoice()
	switch choice {
	case canonical.ChooseAuto:
		return "auto", nil
	case canonical.ChooseNone:
		return "none", nil
	case canonical.ChooseAny:
		return "any", nil
	case canonical.ChooseOne:
		return "tool", name
	}
	return "", nil
}
