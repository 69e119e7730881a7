package openai

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeTools writes the functions and custom tools without what only others know of them.
// Tools that another provider runs, or whose form only it knows, are left out.
func (r *request) writeTools() {
	mark := len(r.B)
	r.Name("tools")
	r.Open('[')
	i := 0
	for v := range r.in.Tools.Items {
		if !r.writeTool(v) {
			r.Drop(canonical.At("tools", i))
		}
		i++
	}
	if r.declared == 0 {
		r.B = r.B[:mark]
		return
	}
	r.Close(']')
}

// writeTool writes one tool, or reports that it has no place.
func (r *request) writeTool(tool canonical.Value) bool {
	function := tool.Member("function")
	switch string(canonical.Text(tool.Member("type"))) {
	case "function":
		if function.Kind() != '{' {
			function = tool // in the flat form
		}
	case "custom":
		if tool.Member("custom").Kind() != '{' {
			return false
		}
		r.Value(tool)
		r.declared++
		return true
	default:
		return false
	}
	r.declared++
	f := canonical.ReadFunction(function)
	r.Open('{')
	r.MemberLiteral("type", `"function"`)
	r.Name("function")
	r.Open('{')
	r.MemberValue("name", f.Name)
	r.MemberValue("description", f.Description)
	r.MemberValue("parameters", f.Parameters)
	if f.Strict.Kind() == 't' && strictable(f.Parameters, 0) {
		r.MemberLiteral("strict", "true")
	}
	r.Raw("}}")
	return true
}

// writeChoice writes tool_choice or parallel_tool_calls, which OpenAI refuses without tools.
func (r *request) writeChoice(m canonical.Member) {
	if r.declared == 0 {
		return
	}
	if choice, name := r.in.ToolChoice(); string(m.Key) == "tool_choice" && choice == canonical.ChooseOne && !r.declares(name) {
		r.Drop("tool_choice")
		return
	}
	r.Key(m.Key)
	r.Value(m.Value)
}

// declares reports whether a tool of that name has been written.
func (r *request) declares(name []byte) bool {
	for v := range r.in.Tools.Items {
		if kind := string(canonical.Text(v.Member("type"))); kind != "function" && kind != "custom" {
			continue
		}
		for _, at := range [...]canonical.Value{v.Member("function", "name"), v.Member("custom", "name"), v.Member("name")} {
			if at != nil && string(canonical.Text(at)) == string(name) {
				return true
			}
		}
	}
	return false
}
