package dialects

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
		r.memberText("name", r.there(name))
	}
	if serial {
		r.memberLiteral("disable_parallel_tool_use", "true")
	}
	r.close('}')
	return nil
}

// serial reports whether the request forbids parallel calls, in OpenAI's or in
// Anthropic's words, or has no place for several in its answer.
func (r *request) serial() bool {
	forbidden := !r.said.parallelToolCalls.Null() && r.said.parallelToolCalls.Kind() != 't'
	return forbidden || r.legacy() || r.said.toolChoice.Member("disable_parallel_tool_use").Kind() == 't'
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
