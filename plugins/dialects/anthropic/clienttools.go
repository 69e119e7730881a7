package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeTools writes the declared tools. Those that are not the client's own, such as a web
// search that the provider runs, pass as they are.
func (a *accepted) writeTools() {
	if !canonical.Filled(a.in.tools) {
		return
	}
	a.Name("tools")
	a.Open('[')
	for v := range a.in.tools.Items {
		if kind := string(canonical.Text(v.Member("type"))); kind != "" && kind != "custom" {
			a.Value(v)
			continue
		}
		a.writeTool(v)
	}
	a.Close(']')
}

// writeTool writes one of the client's tools as a function. What only Anthropic knows of it
// stands beside the function.
func (a *accepted) writeTool(tool canonical.Value) {
	a.Open('{')
	a.MemberLiteral("type", `"function"`)
	a.Name("function")
	a.Open('{')
	for key, v := range tool.Members {
		switch string(key) {
		case "name":
			a.names.Declare(v)
			a.MemberValue("name", canonical.ShortName(v))
		case "description", "strict":
			a.MemberValue(string(key), v)
		case "input_schema":
			a.MemberValue("parameters", v)
		}
	}
	a.Close('}')
	for key, v := range tool.Members {
		switch string(key) {
		case "name", "description", "strict", "input_schema", "type", "function":
		default:
			a.Key(key)
			a.Value(v)
		}
	}
	a.Close('}')
}

// writeToolChoice writes tool_choice, which at Anthropic's also says whether calls may come
// in parallel. Without tools there is nothing to choose.
func (a *accepted) writeToolChoice() {
	choice := a.in.toolChoice
	if !canonical.Filled(a.in.tools) || choice.Kind() != '{' {
		return
	}
	switch string(canonical.Text(choice.Member("type"))) {
	case "auto":
		a.MemberLiteral("tool_choice", `"auto"`)
	case "none":
		a.MemberLiteral("tool_choice", `"none"`)
	case "any":
		a.MemberLiteral("tool_choice", `"required"`)
	case "tool":
		a.Name("tool_choice")
		a.Raw(`{"type":"function","function":{`)
		a.MemberValue("name", canonical.ShortName(choice.Member("name")))
		a.Raw("}}")
	default:
		a.MemberValue("tool_choice", choice)
	}
	if choice.Member("disable_parallel_tool_use").Kind() == 't' {
		a.MemberLiteral("parallel_tool_calls", "false")
	}
}
