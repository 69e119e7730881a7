package gemini

import (
	"strings"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeTools writes the declared functions, and the tools that Google runs, each of which is
// an element of its own.
func (r *request) writeTools() error {
	r.search = r.in.WebSearchOptions.Kind() == '{'
	mark := len(r.B)
	r.Name("tools")
	r.Open('[')
	start := len(r.B)
	r.Literal(`{"functionDeclarations":[`)
	if err := r.writeFunctions(); err != nil {
		return err
	}
	if r.functions > 0 {
		r.Raw("]}")
	} else {
		r.B = r.B[:start]
	}
	r.writeOwnTools()
	if r.functions+r.others == 0 {
		r.B = r.B[:mark]
		return nil
	}
	r.Close(']')
	return nil
}

// writeFunctions writes the declarations of tools and of the deprecated functions.
func (r *request) writeFunctions() error {
	allowed, i := r.in.AllowedTools(), 0
	for v := range r.in.Tools.Items {
		if err := r.writeTool(v, canonical.At("tools", i), allowed); err != nil {
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
	return nil
}

// writeTool writes one element of tools: a function, also in the flat form of OpenAI's newer
// API or as Anthropic declares it, or a custom tool. Those that Google runs are left for
// writeOwnTools.
func (r *request) writeTool(tool canonical.Value, path string, allowed canonical.Value) error {
	inner, custom := canonical.CalledTool(tool)
	kind := string(canonical.Text(tool.Member("type")))
	f := canonical.ReadFunction(inner)
	switch {
	case custom:
		path += ".custom"
	case inner.Kind() == '{':
		path += ".function"
	case ownTool(tool, kind) != "":
		return nil
	case (kind == "" || kind == "custom") && tool.Member("input_schema").Kind() == '{':
		f = canonical.ReadFunction(tool)
		f.Parameters = tool.Member("input_schema")
	case (kind == "" || kind == "function") && !tool.Member("name").Null():
		f = canonical.ReadFunction(tool)
	case kind == "custom" && !tool.Member("name").Null():
		inner, custom, f = tool, true, canonical.ReadFunction(tool)
	default:
		return canonical.Reject(path, "only functions, custom tools, web search and Google's own tools can be sent to Gemini")
	}
	if allowed != nil && !canonical.Mentions(allowed, canonical.Text(f.Name)) {
		return nil
	}
	if custom {
		return r.writeCustom(inner, path)
	}
	return r.writeFunction(f, path)
}

// writeFunction writes a declaration.
func (r *request) writeFunction(f canonical.FunctionTool, path string) error {
	name := canonical.Text(f.Name)
	if len(name) == 0 {
		return canonical.Reject(path+".name", "must be a string that is not empty")
	}
	r.functions++
	r.strict = r.strict || f.Strict.Kind() == 't'
	r.Open('{')
	r.MemberText("name", r.Context.ProviderName(name))
	if len(canonical.Inside(f.Description)) > 0 {
		r.MemberValue("description", f.Description)
	}
	if canonical.Filled(f.Parameters) {
		r.Name("parametersJsonSchema")
		r.writeSchema(f.Parameters, true, path+".parameters")
	}
	r.Close('}')
	return nil
}

// customInput is the parameter that holds the text for a custom tool.
const customInput = "input"

// writeCustom writes a custom tool, whose input is any text, as a function of one text: Gemini
// has nothing else. The reply turns its calls back.
func (r *request) writeCustom(tool canonical.Value, path string) error {
	name := canonical.Text(tool.Member("name"))
	if len(name) == 0 {
		return canonical.Reject(path+".name", "must be a string that is not empty")
	}
	r.functions++
	r.Context.Custom = append(r.Context.Custom, r.Context.ProviderName(name))
	r.Open('{')
	r.MemberText("name", r.Context.ProviderName(name))
	var notes []canonical.Member
	if v := tool.Member("format", "definition"); v.Kind() == '"' {
		notes = append(notes, canonical.Member{Key: []byte("grammar of the input"), Value: v})
	} else if v := tool.Member("format", "grammar", "definition"); v.Kind() == '"' {
		notes = append(notes, canonical.Member{Key: []byte("grammar of the input"), Value: v})
	}
	canonical.WriteDescription(&r.Writer, tool.Member("description"), notes)
	r.MemberLiteral("parametersJsonSchema", `{"type":"object","properties":{"`+customInput+`":{"type":"string","description":"The whole input of the tool, as plain text."}},"required":["`+customInput+`"]}`)
	r.Close('}')
	return nil
}

// ownTool is the name of a tool that Google runs, empty for any other: one in Google's own
// form, which has a member of that name and no type, or a search in others' words.
func ownTool(tool canonical.Value, kind string) string {
	if strings.HasPrefix(kind, "web_search") {
		return "googleSearch"
	}
	if kind != "" {
		return ""
	}
	for key := range tool.Members {
		if isGoogles(string(key)) {
			return string(key)
		}
	}
	return ""
}

// clientTool is the name of the tool that Google runs which a member of a request is, as the
// client side writes it; empty for any other.
func clientTool(m canonical.Member) string {
	if name, ok := strings.CutPrefix(string(m.Key), toolPrefix); ok && isGoogles(name) {
		return name
	}
	return ""
}

// isGoogles reports whether Google runs a tool of this name.
func isGoogles(name string) bool {
	switch name {
	case "googleSearch", "google_search", "googleSearchRetrieval", "google_search_retrieval", "enterpriseWebSearch", "enterprise_web_search",
		"codeExecution", "code_execution", "urlContext", "url_context", "googleMaps", "google_maps", "fileSearch", "file_search",
		"computerUse", "computer_use", "retrieval":
		return true
	}
	return false
}

// writeOwnTools writes the tools that Google runs. Older models refuse them beside functions.
func (r *request) writeOwnTools() {
	i := 0
	for v := range r.in.Tools.Items {
		kind := string(canonical.Text(v.Member("type")))
		switch name := ownTool(v, kind); {
		case name == "":
		case r.functions > 0 && !r.model.combines():
			r.Drop(canonical.At("tools", i))
		case kind != "":
			r.search = true
		default:
			r.others++
			r.Value(v)
		}
		i++
	}
	for _, m := range r.in.Members {
		switch name := clientTool(m); {
		case name == "":
		case r.functions > 0 && !r.model.combines():
			r.Drop(string(m.Key))
		default:
			r.others++
			r.Open('{')
			r.Name(name)
			if m.Value.Kind() == '{' {
				r.Value(m.Value)
			} else {
				r.Raw("{}")
			}
			r.Close('}')
		}
	}
	switch {
	case !r.search:
	case r.functions > 0 && !r.model.combines():
		if !r.in.WebSearchOptions.Null() {
			r.Drop("web_search_options")
		}
	default:
		r.others++
		r.Literal(`{"googleSearch":{}}`)
	}
}
