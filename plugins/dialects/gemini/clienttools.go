package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// toolPrefix begins the names of canonical members that are tools which Google runs.
const toolPrefix = "tools."

// elements yields the elements of a list, or the one that stands there without a list, which
// Google's API takes, too.
func elements(v canonical.Value) func(yield func(canonical.Value) bool) {
	return func(yield func(canonical.Value) bool) {
		switch {
		case v.Kind() == '[':
			v.Items(yield)
		case !v.Null():
			yield(v)
		}
	}
}

// writeTools writes the declared functions as tools. Of the tools that Google runs, a web
// search is an option of the canonical form.
func (a *accepted) writeTools() error {
	mark := len(a.B)
	a.Name("tools")
	a.Open('[')
	strict := a.choice().mode == "VALIDATED"
	i := 0
	for tool := range elements(a.in.tools) {
		if tool.Kind() != '{' {
			return canonical.Reject(canonical.At("tools", i), "must be an object")
		}
		if err := a.writeClientTool(tool, canonical.At("tools", i), strict); err != nil {
			return err
		}
		i++
	}
	if a.functions == 0 {
		a.B = a.B[:mark]
	} else {
		a.Close(']')
	}
	if a.search {
		a.MemberLiteral("web_search_options", "{}")
	}
	return nil
}

// writeClientTool writes one element of tools, which may hold several kinds of them.
func (a *accepted) writeClientTool(tool canonical.Value, at string, strict bool) error {
	for key, v := range tool.Members {
		if v.Null() {
			continue
		}
		switch name := string(camel(key)); name {
		case "functionDeclarations":
			k := 0
			for f := range elements(v) {
				if err := a.writeDeclaration(f, canonical.At(at+"."+name, k), strict); err != nil {
					return err
				}
				k++
			}
		case "googleSearch", "googleSearchRetrieval":
			a.search = true
			if canonical.Filled(v) {
				a.lose(at+"."+name, v)
			}
		default:
			if !canonical.Filled(v) {
				v = canonical.Value("true") // what is empty would mean nothing
			}
			a.lose(toolPrefix+name, v)
		}
	}
	return nil
}

// writeDeclaration writes a function. What only Google knows of it stands beside it.
func (a *accepted) writeDeclaration(f canonical.Value, at string, strict bool) error {
	var name, description, own, plain canonical.Value
	var others []canonical.Member
	if f.Kind() != '{' {
		return canonical.Reject(at, "must be an object")
	}
	for key, v := range f.Members {
		switch string(camel(key)) {
		case "name":
			name = v
		case "description":
			description = v
		case "parameters":
			own = v
		case "parametersJsonSchema":
			plain = v
		case "type", "function":
		default:
			others = append(others, canonical.Member{Key: camel(key), Value: v})
		}
	}
	switch {
	case len(canonical.Inside(name)) == 0:
		return canonical.Reject(at+".name", "must be a string that is not empty")
	case !description.Null() && description.Kind() != '"':
		return canonical.Reject(at+".description", "must be a string")
	case !own.Null() && !plain.Null():
		return canonical.Reject(at+".parametersJsonSchema", "must not be set beside parameters")
	}
	a.functions++
	a.names.Declare(name)
	a.Literal(`{"type":"function","function":{"name":`)
	a.Value(canonical.ShortName(name))
	a.MemberValue("description", description)
	if !own.Null() || !plain.Null() {
		a.Name("parameters")
		if err := a.writeSchemaOf(own, plain, at+".parameters", at+".parametersJsonSchema"); err != nil {
			return err
		}
	}
	if strict {
		a.MemberLiteral("strict", "true")
	}
	a.Close('}')
	for _, m := range others {
		a.Key(m.Key)
		a.Value(m.Value)
	}
	a.Close('}')
	return nil
}
