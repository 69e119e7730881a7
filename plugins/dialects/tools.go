package dialects

import "bytes"

// writeTools writes the declared tools, the deprecated functions, and web search,
// which is a tool at Anthropic's.
func (r *request) writeTools() error {
	mark := len(r.b)
	r.name("tools")
	r.open('[')
	allowed, i := r.allowedTools(), 0
	for v := range r.said.tools.Items {
		if err := r.writeTool(v, i, allowed); err != nil {
			return err
		}
		i++
	}
	i = 0
	for v := range r.said.functions.Items {
		if err := r.writeFunction(readFunction(v), &function{}, at("functions", i)); err != nil {
			return err
		}
		i++
	}
	r.writeWebSearch()
	if r.declared == 0 {
		r.writeSilentTools()
	}
	if r.declared == 0 {
		r.b = r.b[:mark]
		return nil
	}
	r.close(']')
	return nil
}

// writeTool writes one element of tools: a function, also in the flat form of OpenAI's
// newer API, a tool as Anthropic declares it, or one of Anthropic's own, which has a type
// that OpenAI does not know and passes as it is.
func (r *request) writeTool(tool value, i int, allowed value) error {
	if v := tool.Member("function"); v.Kind() == '{' {
		return r.writeAllowed(readFunction(v), tool, at("tools", i)+".function", allowed)
	}
	kind := string(text(tool.Member("type")))
	switch own := tool.Member("input_schema").Kind() == '{'; {
	case own && (kind == "" || kind == "custom"):
		return r.writeOwnTool(tool, at("tools", i))
	case kind == "function" && !tool.Member("name").Null():
		return r.writeAllowed(readFunction(tool), nil, at("tools", i), allowed)
	case !word(kind) || kind == "function" || kind == "custom":
		return reject(at("tools", i), "only function tools and Anthropic's own can be sent to Anthropic")
	}
	r.value(tool)
	r.declared++
	return nil
}

// writeAllowed writes a function unless tool_choice leaves it out.
func (r *request) writeAllowed(f function, tool value, path string, allowed value) error {
	if allowed != nil && !mentions(allowed, text(f.name)) {
		return nil
	}
	beside := readFunction(tool)
	return r.writeFunction(f, &beside, path)
}

// writeOwnTool writes a tool that is declared in Anthropic's own shape.
func (r *request) writeOwnTool(tool value, path string) error {
	name := text(tool.Member("name"))
	if len(name) == 0 {
		return reject(path+".name", "must be a string that is not empty")
	}
	r.declared++
	r.open('{')
	for key, v := range tool.Members {
		r.text(key)
		r.close(':')
		switch string(key) {
		case "name":
			r.text(r.there(name))
		case "input_schema":
			r.writeSchema(v)
		default:
			r.value(v)
		}
	}
	r.close('}')
	return nil
}

// allowedTools are the tools that tool_choice narrows the declared ones down to;
// nil when it does not.
func (r *request) allowedTools() value {
	choice := r.said.toolChoice
	if string(text(choice.Member("type"))) != "allowed_tools" {
		return nil
	}
	allowed := choice.Member("allowed_tools", "tools")
	if allowed.Kind() != '[' {
		return nil
	}
	return allowed
}

func mentions(tools value, name []byte) bool {
	for tool := range tools.Items {
		if bytes.Equal(text(tool.Member("function", "name")), name) {
			return true
		}
	}
	return false
}

// function is a function's declaration with its members; nil when absent. The last ones
// are Anthropic's, which may stand beside the function too.
type function struct {
	name, description, parameters, strict, cacheControl value
	deferLoading, inputExamples, allowedCallers         value
}

func readFunction(v value) (f function) {
	for key, member := range v.Members {
		switch string(key) {
		case "name":
			f.name = member
		case "description":
			f.description = member
		case "parameters":
			f.parameters = member
		case "strict":
			f.strict = member
		case "cache_control":
			f.cacheControl = member
		case "defer_loading":
			f.deferLoading = member
		case "input_examples":
			f.inputExamples = member
		case "allowed_callers":
			f.allowedCallers = member
		}
	}
	return f
}

// writeFunction writes a declaration; beside is what stands beside it, path where.
func (r *request) writeFunction(f function, beside *function, path string) error {
	name := text(f.name)
	if len(name) == 0 {
		return reject(path+".name", "must be a string that is not empty")
	}
	r.declared++
	r.open('{')
	r.memberText("name", r.there(name))
	r.memberValue("description", f.description)
	r.writeParameters(&f, path)
	r.memberValue("cache_control", or(beside.cacheControl, f.cacheControl))
	r.memberValue("defer_loading", or(beside.deferLoading, f.deferLoading))
	r.memberValue("input_examples", or(beside.inputExamples, f.inputExamples))
	r.memberValue("allowed_callers", or(beside.allowedCallers, f.allowedCallers))
	r.close('}')
	return nil
}

// writeParameters writes a function's parameters, as Anthropic can hold the model to them
// if the function is strict.
func (r *request) writeParameters(f *function, path string) {
	strict := f.strict.Kind() == 't'
	r.name("input_schema")
	switch {
	case !strict || !r.family.structured():
		r.writeSchema(f.parameters)
	case !filled(f.parameters):
		r.literal(`{"type":"object","properties":{},"additionalProperties":false}`)
		r.memberLiteral("strict", "true")
	case r.writeStrict(f.parameters, true):
		r.memberLiteral("strict", "true")
	default:
		r.writeSchema(f.parameters)
		r.drop(path + ".strict")
	}
}

// or is the first of two values that is there.
func or(a, b value) value {
	if a.Null() {
		return b
	}
	return a
}

// writeWebSearch writes Anthropic's search tool for OpenAI's web_search_options.
func (r *request) writeWebSearch() {
	options := r.said.webSearchOptions
	if options.Kind() != '{' {
		return
	}
	r.declared++
	r.open('{')
	r.memberLiteral("type", `"web_search_20250305"`)
	r.memberLiteral("name", `"web_search"`)
	if place := options.Member("user_location", "approximate"); place.Kind() == '{' {
		r.name("user_location")
		r.open('{')
		r.memberLiteral("type", `"approximate"`)
		for _, key := range [...]string{"city", "region", "country", "timezone"} {
			r.memberValue(key, place.Member(key))
		}
		r.close('}')
	}
	r.close('}')
}

// maxSilent bounds how many tools are declared for the history's sake.
const maxSilent = 128

// writeSilentTools declares the tools that the history calls when the request
// declares none: Anthropic refuses such a history otherwise. They may not be
// called.
func (r *request) writeSilentTools() {
	var names [][]byte
	for i := range r.turns {
		m := &r.turns[i]
		for call := range m.toolCalls.Items {
			names = addName(names, text(call.Member("function", "name")))
		}
		names = addName(names, text(m.call.Member("name")))
	}
	for _, name := range names {
		r.silent = true
		r.declared++
		r.open('{')
		r.memberText("name", r.there(name))
		r.memberLiteral("input_schema", emptyParameters)
		r.close('}')
	}
}

func addName(names [][]byte, name []byte) [][]byte {
	if len(name) == 0 || len(names) == maxSilent {
		return names
	}
	for _, n := range names {
		if bytes.Equal(n, name) {
			return names
		}
	}
	return append(names, name)
}
