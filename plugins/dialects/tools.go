package main

import (
	"bytes"
	"slices"
)

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
	for v := range r.said.functions.Items {
		r.writeFunction(readFunction(v), nil)
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

// writeTool writes one element of tools. A type that OpenAI does not know is one of
// Anthropic's own tools and passes as it is.
func (r *request) writeTool(tool value, i int, allowed value) error {
	if v := tool.Member("function"); v.Kind() == '{' {
		f := readFunction(v)
		if !filled(allowed) || mentions(allowed, text(f.name)) {
			r.writeFunction(f, tool.Member("cache_control"))
		}
		return nil
	}
	kind := string(text(tool.Member("type")))
	if !word(kind) || kind == "function" || kind == "custom" && tool.Member("input_schema") == nil {
		return reject(at("tools", i), "only function tools and Anthropic's own can be sent to Anthropic")
	}
	r.value(tool)
	r.declared++
	return nil
}

// allowedTools are the tools that tool_choice narrows the declared ones down to;
// none when it does not.
func (r *request) allowedTools() value {
	choice := r.said.toolChoice
	if string(text(choice.Member("type"))) != "allowed_tools" {
		return nil
	}
	return choice.Member("allowed_tools", "tools")
}

func mentions(tools value, name []byte) bool {
	for tool := range tools.Items {
		if bytes.Equal(text(tool.Member("function", "name")), name) {
			return true
		}
	}
	return false
}

// function is a function's declaration with its members; nil when absent.
type function struct{ name, description, parameters, strict, cacheControl value }

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
		}
	}
	return f
}

// writeFunction writes a declaration; control is the cache_control that stands beside
// it.
func (r *request) writeFunction(f function, control value) {
	r.declared++
	r.open('{')
	r.memberValue("name", f.name)
	r.memberValue("description", f.description)
	r.name("input_schema")
	r.writeSchema(f.parameters)
	if r.family.structured() && f.strict.Kind() == 't' {
		r.memberLiteral("strict", "true")
	}
	if control.Null() {
		control = f.cacheControl
	}
	r.memberValue("cache_control", control)
	r.close('}')
}

// writeSchema writes the parameters of a function, which Anthropic wants to be of
// type object even if there are none.
func (r *request) writeSchema(parameters value) {
	if parameters.Kind() != '{' || !filled(parameters) {
		r.literal(`{"type":"object","properties":{}}`)
		return
	}
	start := len(r.b)
	r.value(parameters)
	if parameters.Member("type") == nil {
		r.b = slices.Insert(r.b, start+1, []byte(`"type":"object",`)...)
	}
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
		r.memberText("name", name)
		r.memberLiteral("input_schema", `{"type":"object","properties":{}}`)
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

// writeToolChoice writes tool_choice, which also says whether calls may come in
// parallel.
func (r *request) writeToolChoice() error {
	if r.declared == 0 {
		return nil
	}
	kind, name := r.toolChoice()
	serial := r.serial() && kind != "none"
	if kind == "" && !serial {
		return nil
	}
	if kind == "" {
		kind = "auto"
	}
	r.name("tool_choice")
	r.open('{')
	r.memberText("type", []byte(kind))
	if name != nil {
		r.memberText("name", name)
	}
	if serial {
		r.memberLiteral("disable_parallel_tool_use", "true")
	}
	r.close('}')
	return nil
}

// serial reports whether the request forbids parallel calls, in OpenAI's or in
// Anthropic's words.
func (r *request) serial() bool {
	forbidden := !r.said.parallelToolCalls.Null() && r.said.parallelToolCalls.Kind() != 't'
	return forbidden || r.said.toolChoice.Member("disable_parallel_tool_use").Kind() == 't'
}

// toolChoice is Anthropic's word for the request's choice; empty when it makes none.
func (r *request) toolChoice() (kind string, name []byte) {
	if r.silent {
		return "none", nil
	}
	choice := r.said.toolChoice
	if choice == nil {
		choice = r.said.functionCall
	}
	word := string(text(choice))
	if choice.Kind() == '{' {
		word = string(text(choice.Member("type")))
	}
	switch word {
	case "auto", "none", "any":
		return word, nil
	case "required":
		return "any", nil
	case "tool":
		return "tool", text(choice.Member("name"))
	case "allowed_tools":
		if r.forcesTool() {
			return "any", nil
		}
		return "auto", nil
	}
	return namedChoice(choice)
}

// namedChoice reads the forms that name a function: {"type":"function","function":
// {"name":…}} and the deprecated {"name":…}.
func namedChoice(choice value) (kind string, name []byte) {
	name = text(choice.Member("function", "name"))
	if name == nil {
		name = text(choice.Member("name"))
	}
	if name == nil {
		return "", nil
	}
	return "tool", name
}
