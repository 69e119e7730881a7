package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeTools writes the declared tools, the deprecated functions, and web search, which is a
// tool at Anthropic's.
func (r *request) writeTools() error {
	mark := len(r.B)
	r.Name("tools")
	r.Open('[')
	allowed, i := r.in.AllowedTools(), 0
	for v := range r.in.Tools.Items {
		if err := r.writeTool(v, i, allowed); err != nil {
			return err
		}
		i++
	}
	i = 0
	for v := range r.in.Functions.Items {
		if err := r.writeFunction(canonical.ReadFunction(v), &canonical.FunctionTool{}, canonical.At("functions", i)); err != nil {
			return err
		}
		i++
	}
	r.writeWebSearch()
	if r.declared == 0 {
		r.writeCalledTools()
	}
	if r.declared == 0 {
		r.B = r.B[:mark]
		return nil
	}
	r.Close(']')
	return nil
}

// writeTool writes one element of tools: a function, also in the flat form of OpenAI's newer
// API, a tool as Anthropic declares it, or one of Anthropic's own, which has a type that
// OpenAI does not know and passes as it is.
func (r *request) writeTool(tool canonical.Value, i int, allowed canonical.Value) error {
	if v := tool.Member("function"); v.Kind() == '{' {
		return r.writeAllowed(canonical.ReadFunction(v), tool, canonical.At("tools", i)+".function", allowed)
	}
	kind := string(canonical.Text(tool.Member("type")))
	switch own := tool.Member("input_schema").Kind() == '{'; {
	case own && (kind == "" || kind == "custom"):
		return r.writeOwnTool(tool, canonical.At("tools", i))
	case kind == "function" && !tool.Member("name").Null():
		return r.writeAllowed(canonical.ReadFunction(tool), nil, canonical.At("tools", i), allowed)
	case !canonical.IsWord(kind) || kind == "function" || kind == "custom":
		return canonical.Reject(canonical.At("tools", i), "only function tools and Anthropic's own can be sent to Anthropic")
	}
	r.Value(tool)
	r.declared++
	return nil
}

// writeAllowed writes a function unless tool_choice leaves it out.
func (r *request) writeAllowed(f canonical.FunctionTool, tool canonical.Value, path string, allowed canonical.Value) error {
	if allowed != nil && !canonical.Mentions(allowed, canonical.Text(f.Name)) {
		return nil
	}
	beside := canonical.ReadFunction(tool)
	return r.writeFunction(f, &beside, path)
}

// writeOwnTool writes a tool that is declared in Anthropic's own shape.
func (r *request) writeOwnTool(tool canonical.Value, path string) error {
	name := canonical.Text(tool.Member("name"))
	if len(name) == 0 {
		return rejectName(path)
	}
	r.declared++
	r.Open('{')
	for key, v := range tool.Members {
		r.Key(key)
		switch string(key) {
		case "name":
			r.Text(r.Context.ProviderName(name))
		case "input_schema":
			r.writeSchema(v)
		default:
			r.Value(v)
		}
	}
	r.Close('}')
	return nil
}

func rejectName(path string) error {
	return canonical.Reject(path+".name", "must be a string that is not empty")
}

// writeFunction writes a declaration. Beside is what stands beside it, path where.
func (r *request) writeFunction(f canonical.FunctionTool, beside *canonical.FunctionTool, path string) error {
	name := canonical.Text(f.Name)
	if len(name) == 0 {
		return rejectName(path)
	}
	r.declared++
	r.Open('{')
	r.MemberText("name", r.Context.ProviderName(name))
	r.MemberValue("description", f.Description)
	r.writeParameters(&f, path)
	r.MemberValue("cache_control", canonical.Or(beside.CacheControl, f.CacheControl))
	r.MemberValue("defer_loading", canonical.Or(beside.DeferLoading, f.DeferLoading))
	r.MemberValue("input_examples", canonical.Or(beside.InputExamples, f.InputExamples))
	r.MemberValue("allowed_callers", canonical.Or(beside.AllowedCallers, f.AllowedCallers))
	r.MemberValue("eager_input_streaming", canonical.Or(beside.EagerInput, f.EagerInput))
	r.Close('}')
	return nil
}

// writeParameters writes a function's parameters, as Anthropic can hold the model to them if
// the function is strict.
func (r *request) writeParameters(f *canonical.FunctionTool, path string) {
	strict := f.Strict.Kind() == 't'
	r.Name("input_schema")
	switch {
	case !strict || !r.model.structured():
		r.writeSchema(f.Parameters)
	case !canonical.Filled(f.Parameters):
		r.Literal(`{"type":"object","properties":{},"additionalProperties":false}`)
		r.MemberLiteral("strict", "true")
	case r.writeStrict(f.Parameters, true):
		r.MemberLiteral("strict", "true")
	default:
		r.writeSchema(f.Parameters)
		r.Drop(path + ".strict")
	}
}

// writeWebSearch writes Anthropic's search tool for OpenAI's web_search_options.
func (r *request) writeWebSearch() {
	options := r.in.WebSearchOptions
	if options.Kind() != '{' {
		return
	}
	r.declared++
	r.Open('{')
	r.MemberLiteral("type", `"web_search_20250305"`)
	r.MemberLiteral("name", `"web_search"`)
	if location := options.Member("user_location", "approximate"); location.Kind() == '{' {
		r.Name("user_location")
		r.Open('{')
		r.MemberLiteral("type", `"approximate"`)
		for _, key := range [...]string{"city", "region", "country", "timezone"} {
			r.MemberValue(key, location.Member(key))
		}
		r.Close('}')
	}
	r.Close('}')
}

// writeCalledTools declares the tools that the history calls when the request declares none:
// Anthropic refuses such a history otherwise. They may not be called.
func (r *request) writeCalledTools() {
	for _, name := range r.in.CalledTools() {
		r.historyOnly = true
		r.declared++
		r.Open('{')
		r.MemberText("name", r.Context.ProviderName(name))
		r.MemberLiteral("input_schema", emptyParameters)
		r.Close('}')
	}
}
