package main

import (
	"bytes"
	"slices"

	"github.com/valyala/fastjson"
)

// writeTools writes the declared tools, the deprecated functions, and web search,
// which is a tool at Anthropic's.
func (r *request) writeTools() error {
	mark := len(r.b)
	r.name("tools")
	r.open('[')
	allowed := r.allowedTools()
	for i, tool := range r.said.tools.GetArray() {
		if err := r.writeTool(tool, i, allowed); err != nil {
			return err
		}
	}
	for _, function := range r.said.functions.GetArray() {
		r.writeFunction(function, function)
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
func (r *request) writeTool(tool *fastjson.Value, i int, allowed []*fastjson.Value) error {
	function := tool.Get("function")
	if function.GetObject() != nil {
		if allowed == nil || mentions(allowed, function.GetStringBytes("name")) {
			r.writeFunction(function, tool)
		}
		return nil
	}
	kind := string(tool.GetStringBytes("type"))
	if !word(kind) || kind == "function" || kind == "custom" && !tool.Exists("input_schema") {
		return reject(at("tools", i), "only function tools and Anthropic's own can be sent to Anthropic")
	}
	r.object(tool.GetObject())
	r.declared++
	return nil
}

// allowedTools are the tools that tool_choice narrows the declared ones down to;
// nil when it does not.
func (r *request) allowedTools() []*fastjson.Value {
	choice := r.said.toolChoice
	if choice.GetObject() == nil || string(choice.GetStringBytes("type")) != "allowed_tools" {
		return nil
	}
	return choice.GetArray("allowed_tools", "tools")
}

func mentions(tools []*fastjson.Value, name []byte) bool {
	for _, tool := range tools {
		if bytes.Equal(tool.GetStringBytes("function", "name"), name) {
			return true
		}
	}
	return false
}

func (r *request) writeFunction(function, tool *fastjson.Value) {
	r.declared++
	r.open('{')
	r.memberValue("name", function.Get("name"))
	r.memberValue("description", function.Get("description"))
	r.name("input_schema")
	r.writeSchema(function.Get("parameters"))
	if r.family.structured() && function.GetBool("strict") {
		r.memberLiteral("strict", "true")
	}
	control := tool.Get("cache_control")
	if missing(control) {
		control = function.Get("cache_control")
	}
	r.memberValue("cache_control", control)
	r.close('}')
}

// writeSchema writes the parameters of a function, which Anthropic wants to be of
// type object even if there are none.
func (r *request) writeSchema(parameters *fastjson.Value) {
	o := parameters.GetObject()
	if o == nil || o.Len() == 0 {
		r.literal(`{"type":"object","properties":{}}`)
		return
	}
	start := len(r.b)
	r.value(parameters) // before it is looked into, see writer
	if o.Get("type") == nil {
		r.b = slices.Insert(r.b, start+1, []byte(`"type":"object",`)...)
	}
}

// writeWebSearch writes Anthropic's search tool for OpenAI's web_search_options.
func (r *request) writeWebSearch() {
	options := r.said.webSearchOptions
	if options.GetObject() == nil {
		return
	}
	r.declared++
	r.open('{')
	r.memberLiteral("type", `"web_search_20250305"`)
	r.memberLiteral("name", `"web_search"`)
	if place := options.Get("user_location", "approximate"); place.GetObject() != nil {
		r.name("user_location")
		r.open('{')
		r.memberLiteral("type", `"approximate"`)
		for _, key := range [...]string{"city", "region", "country", "timezone"} {
			r.memberValue(key, place.Get(key))
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
	for _, m := range r.turns {
		for _, call := range m.GetArray("tool_calls") {
			names = addName(names, call.GetStringBytes("function", "name"))
		}
		names = addName(names, m.GetStringBytes("function_call", "name"))
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
	forbidden := !missing(r.said.parallelToolCalls) && !r.said.parallelToolCalls.GetBool()
	return forbidden || r.said.toolChoice.GetBool("disable_parallel_tool_use")
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
	word := string(choice.GetStringBytes())
	if choice.GetObject() != nil {
		word = string(choice.GetStringBytes("type"))
	}
	switch word {
	case "auto", "none", "any":
		return word, nil
	case "required":
		return "any", nil
	case "tool":
		return "tool", choice.GetStringBytes("name")
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
func namedChoice(choice *fastjson.Value) (kind string, name []byte) {
	name = choice.GetStringBytes("function", "name")
	if name == nil {
		name = choice.GetStringBytes("name")
	}
	if name == nil {
		return "", nil
	}
	return "tool", name
}
