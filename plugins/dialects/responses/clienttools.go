package responses

import (
	"bytes"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// toolNames are the names of tools whose calls have another form in this API than in the
// canonical one.
type toolNames struct {
	// custom are the tools whose input is any text, namespaces the groups of tools.
	custom, namespaces [][]byte
	declared           int
}

func (t *toolNames) reset() { *t = toolNames{custom: t.custom[:0], namespaces: t.namespaces[:0]} }

// separator stands between a namespace and the name of a tool in it.
const separator = "__"

// flat is what a tool of a namespace is called in the canonical form.
func (t *toolNames) flat(namespace, name []byte) []byte {
	if len(namespace) == 0 {
		return name
	}
	flat := append(make([]byte, 0, len(namespace)+len(separator)+len(name)), namespace...)
	return append(append(flat, separator...), name...)
}

func addName(names [][]byte, name []byte) [][]byte {
	for _, n := range names {
		if bytes.Equal(n, name) {
			return names
		}
	}
	return append(names, name)
}

// writeTools writes the tools of the request, and those that items of the input bring.
func (a *accepted) writeTools() error {
	mark := len(a.B)
	a.Name("tools")
	a.Open('[')
	if err := a.writeToolSet(a.in.tools, nil, "tools"); err != nil {
		return err
	}
	for i := range a.items {
		if it := &a.items[i]; it.kind == "additional_tools" || it.kind == "tool_search_output" {
			if err := a.writeToolSet(it.toolSet, nil, canonical.At("input", i)+".tools"); err != nil {
				return err
			}
		}
	}
	if a.tools.declared == 0 {
		a.B = a.B[:mark]
	} else {
		a.Close(']')
	}
	a.writeSearch()
	return nil
}

// writeToolSet writes a list of tools, which may be those of a namespace.
func (a *accepted) writeToolSet(tools canonical.Value, namespace []byte, at string) error {
	i := 0
	for v := range tools.Items {
		if err := a.writeClientTool(v, namespace, canonical.At(at, i)); err != nil {
			return err
		}
		i++
	}
	return nil
}

func (a *accepted) writeClientTool(v canonical.Value, namespace []byte, at string) error {
	kind, name := string(canonical.Text(v.Member("type"))), canonical.Text(v.Member("name"))
	switch kind {
	case "function", "custom", "namespace":
		if len(name) == 0 {
			return rejectName(at)
		}
	}
	switch {
	case kind == "function":
		a.writeClientFunction(v, a.tools.flat(namespace, name))
	case kind == "custom":
		a.writeClientCustom(v, a.tools.flat(namespace, name))
	case kind == "namespace":
		a.tools.namespaces = addName(a.tools.namespaces, name)
		return a.writeToolSet(v.Member("tools"), name, at+".tools")
	case isSearch(kind), kind == "tool_search":
		// The one is an option, and what the other would find is declared.
	case kind == "":
		return canonical.Reject(at, "must have a type")
	default:
		a.tools.declared++
		a.Value(v) // a tool that the provider runs
	}
	return nil
}

func (a *accepted) writeClientFunction(v canonical.Value, name []byte) {
	a.tools.declared++
	a.Literal(`{"type":"function","function":{"name":`)
	a.Text(name)
	for _, member := range [...]string{"description", "parameters", "strict"} {
		a.MemberValue(member, v.Member(member))
	}
	a.Raw("}}")
}

// writeClientCustom writes a custom tool as a function with one argument, which any provider
// knows. The description has its grammar.
func (a *accepted) writeClientCustom(v canonical.Value, name []byte) {
	a.tools.declared++
	a.tools.custom = addName(a.tools.custom, name)
	a.Literal(`{"type":"function","function":{"name":`)
	a.Text(name)
	a.MemberValue("description", v.Member("description"))
	a.Name("parameters")
	a.Raw(`{"type":"object","properties":{"input":{"type":"string","description":"The input of the tool, as it is.`)
	if grammar := v.Member("format"); string(canonical.Text(grammar.Member("type"))) == "grammar" {
		a.Raw(` It must satisfy this `)
		a.B = append(a.B, canonical.Inside(grammar.Member("syntax"))...)
		a.Raw(` grammar:\n`)
		a.B = append(a.B, canonical.Inside(grammar.Member("definition"))...)
	}
	a.Raw(`"}},"required":["input"],"additionalProperties":false}}}`)
}

// isSearch reports whether a type is one of a web search.
func isSearch(kind string) bool {
	return kind == "web_search" || bytes.HasPrefix([]byte(kind), []byte("web_search_"))
}

// writeSearch writes a web search, which is no tool in the canonical form. One that may not
// leave the provider's cache has no counterpart.
func (a *accepted) writeSearch() {
	for v := range a.in.tools.Items {
		if !isSearch(string(canonical.Text(v.Member("type")))) || v.Member("external_web_access").Kind() == 'f' {
			continue
		}
		a.Name("web_search_options")
		a.Open('{')
		a.MemberValue("search_context_size", v.Member("search_context_size"))
		if place := v.Member("user_location"); place.Kind() == '{' {
			a.Name("user_location")
			a.Literal(`{"type":"approximate","approximate":{`)
			for _, key := range [...]string{"city", "region", "country", "timezone"} {
				a.MemberValue(key, place.Member(key))
			}
			a.Raw("}}")
		}
		a.Close('}')
		return
	}
}

// writeToolChoice writes tool_choice. Without tools there is nothing to choose, and a tool
// that the provider runs can't be chosen.
func (a *accepted) writeToolChoice() {
	choice := a.in.toolChoice
	if a.tools.declared == 0 || choice.Null() {
		return
	}
	if choice.Kind() == '"' {
		a.MemberValue("tool_choice", choice)
		return
	}
	switch string(canonical.Text(choice.Member("type"))) {
	case "function", "custom":
		a.Name("tool_choice")
		a.writeChosen(choice)
	case "allowed_tools":
		a.Name("tool_choice")
		a.Literal(`{"type":"allowed_tools","allowed_tools":{`)
		a.MemberValue("mode", choice.Member("mode"))
		a.Name("tools")
		a.Open('[')
		for v := range choice.Member("tools").Items {
			if kind := string(canonical.Text(v.Member("type"))); kind == "function" || kind == "custom" {
				a.writeChosen(v)
			}
		}
		a.Raw("]}}")
	default:
		a.MemberLiteral("tool_choice", `"auto"`)
	}
}

func (a *accepted) writeChosen(v canonical.Value) {
	a.Literal(`{"type":"function","function":{"name":`)
	a.B = penstock.AppendText(a.B, a.tools.flat(canonical.Text(v.Member("namespace")), canonical.Text(v.Member("name"))))
	a.Raw("}}")
}
