package cohere

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeTools writes the functions that the model may call. Cohere is strict with all of them
// or with none.
func (r *request) writeTools() error {
	if len(r.functions) == 0 {
		return nil
	}
	strict := r.model.strictTools && r.allStrict()
	r.Name("tools")
	mark := len(r.B)
	if !r.writeFunctions(strict) {
		strict = false
		r.B = r.B[:mark]
		r.writeFunctions(false)
	}
	if strict {
		r.MemberLiteral("strict_tools", "true")
		return nil
	}
	for i := range r.functions {
		if f := &r.functions[i]; f.Strict.Kind() == 't' {
			r.Drop(f.Path() + ".function.strict")
		}
	}
	return nil
}

func (r *request) allStrict() bool {
	for i := range r.functions {
		if r.functions[i].Strict.Kind() != 't' {
			return false
		}
	}
	return true
}

// writeFunctions writes the declarations. With strict it reports false if Cohere can't hold
// the model to one of them.
func (r *request) writeFunctions(strict bool) bool {
	r.Open('[')
	for i := range r.functions {
		f := &r.functions[i]
		r.Literal(`{"type":"function","function":{`)
		r.MemberValue("name", f.Name)
		r.MemberValue("description", f.Description)
		r.Name("parameters")
		switch {
		case f.Parameters.Kind() != '{' || !canonical.Filled(f.Parameters):
			r.Literal(`{"type":"object","properties":{}}`)
		case !strict:
			r.Value(f.Parameters)
		case !r.writeSchema(f.Parameters):
			return false
		}
		r.Raw("}}")
	}
	r.Close(']')
	return true
}

// writeToolChoice writes whether the model has to call a tool or may not. Which one it is to
// call is said by declaring no other.
func (r *request) writeToolChoice() error {
	if len(r.functions) == 0 {
		return nil
	}
	choice, _ := r.in.ToolChoice()
	switch choice {
	case canonical.ChooseNone:
		r.MemberLiteral("tool_choice", `"NONE"`)
	case canonical.ChooseAny, canonical.ChooseOne:
		r.MemberLiteral("tool_choice", `"REQUIRED"`)
	}
	if r.in.ForbidsParallelCalls() {
		r.Drop("parallel_tool_calls")
	}
	return nil
}
