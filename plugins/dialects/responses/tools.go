package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeTools writes the declared tools, the deprecated functions, and web search, which is a
// tool in this API.
func (r *request) writeTools() error {
	mark := len(r.B)
	r.Name("tools")
	r.Open('[')
	i := 0
	for v := range r.in.Tools.Items {
		if err := r.writeTool(v, canonical.At("tools", i)); err != nil {
			return err
		}
		i++
	}
	i = 0
	for v := range r.in.Functions.Items {
		if err := r.writeFunction(canonical.ReadFunction(v), canonical.At("functions", i)); err != nil {
			return err
		}
		i++
	}
	r.writeWebSearch(r.in.WebSearchOptions)
	if r.declared == 0 {
		r.B = r.B[:mark]
		return nil
	}
	r.Close(']')
	return nil
}

// writeTool writes one element of tools: a function, also in this API's own flat form or in
// Anthropic's, a custom tool, or one that the provider runs, which passes as it is.
func (r *request) writeTool(tool canonical.Value, path string) error {
	if inner, custom := canonical.CalledTool(tool); custom {
		return r.writeCustom(inner, path+".custom")
	} else if inner.Kind() == '{' {
		return r.writeFunction(canonical.ReadFunction(inner), path+".function")
	}
	kind := string(canonical.Text(tool.Member("type")))
	switch {
	case kind == "function":
		return r.writeFunction(canonical.ReadFunction(tool), path)
	case kind == "custom" && tool.Member("input_schema").Null():
		return r.writeCustom(tool, path)
	case kind == "custom" || kind == "" && tool.Member("input_schema").Kind() == '{':
		f := canonical.ReadFunction(tool)
		f.Parameters = tool.Member("input_schema")
		return r.writeFunction(f, path)
	case isDatedSearch(kind):
		r.writeWebSearch(canonical.Value(`{}`))
		return nil
	case kind == "":
		return canonical.Reject(path, "has no usable type")
	}
	r.declared++
	r.Value(tool)
	return nil
}

// isDatedSearch reports whether a tool is Anthropic's web search, as in web_search_20250305.
func isDatedSearch(kind string) bool {
	const name, date = "web_search_", 8
	return len(kind) == len(name)+date && kind[:len(name)] == name
}

// writeFunction writes a declaration. Functions of this API are strict unless they say that
// they are not; those of chat completions are not unless they say so.
func (r *request) writeFunction(f canonical.FunctionTool, path string) error {
	name := canonical.Text(f.Name)
	if len(name) == 0 {
		return rejectName(path)
	}
	r.declared++
	r.Literal(`{"type":"function","name":`)
	r.Text(r.Context.ProviderName(name))
	r.MemberValue("description", f.Description)
	r.Name("parameters")
	r.writeParameters(f.Parameters)
	if f.Strict.Kind() == 't' {
		r.MemberLiteral("strict", "true")
	} else {
		r.MemberLiteral("strict", "false")
	}
	r.Close('}')
	return nil
}

func rejectName(path string) error {
	return canonical.Reject(path+".name", "must be a string that is not empty")
}

// writeParameters writes a function's parameters. OpenAI refuses an object without
// properties.
func (r *request) writeParameters(schema canonical.Value) {
	if !canonical.Filled(schema) {
		r.Literal(`{"type":"object","properties":{}}`)
		return
	}
	r.Value(schema)
	if s := canonical.ReadSchema(schema); string(canonical.Text(s.Type)) == "object" && s.Properties == nil && s.Ref == nil && !s.Combines() {
		r.B = r.B[:len(r.B)-1]
		r.MemberLiteral("properties", "{}")
		r.Close('}')
	}
}

func (r *request) writeCustom(tool canonical.Value, path string) error {
	name := canonical.Text(tool.Member("name"))
	if len(name) == 0 {
		return rejectName(path)
	}
	r.declared++
	r.Literal(`{"type":"custom","name":`)
	r.Text(r.Context.ProviderName(name))
	r.MemberValue("description", tool.Member("description"))
	format := tool.Member("format")
	if grammar := format.Member("grammar"); grammar.Kind() == '{' {
		r.Name("format")
		r.Literal(`{"type":"grammar"`)
		r.MemberValue("syntax", grammar.Member("syntax"))
		r.MemberValue("definition", grammar.Member("definition"))
		r.Close('}')
	} else {
		r.MemberValue("format", format)
	}
	r.Close('}')
	return nil
}

// writeWebSearch writes the search tool for OpenAI's web_search_options.
func (r *request) writeWebSearch(options canonical.Value) {
	if options.Kind() != '{' {
		return
	}
	r.declared++
	r.Literal(`{"type":"web_search"`)
	if place := options.Member("user_location", "approximate"); place.Kind() == '{' {
		r.Name("user_location")
		r.Literal(`{"type":"approximate"`)
		for _, key := range [...]string{"city", "region", "country", "timezone"} {
			r.MemberValue(key, place.Member(key))
		}
		r.Close('}')
	}
	r.MemberValue("search_context_size", options.Member("search_context_size"))
	r.Close('}')
}
