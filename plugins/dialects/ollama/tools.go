package ollama

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeTools writes the functions that the model may call. Ollama has no choice of tools:
// those that may not be called are not declared, and no tool can be forced.
func (r *request) writeTools() error {
	choice, _ := r.in.ToolChoice()
	if len(r.functions) == 0 || choice == canonical.ChooseNone {
		return nil
	}
	r.Name("tools")
	r.Open('[')
	for i := range r.functions {
		f := &r.functions[i]
		r.Literal(`{"type":"function","function":{`)
		r.MemberValue("name", f.Name)
		r.MemberValue("description", f.Description)
		r.Name("parameters")
		r.writeParameters(f.Parameters)
		r.Raw("}}")
		if f.Strict.Kind() == 't' {
			r.Drop(f.Path() + ".function.strict")
		}
	}
	r.Close(']')
	if choice == canonical.ChooseAny || choice == canonical.ChooseOne {
		r.Drop("tool_choice")
	}
	if r.in.ForbidsParallelCalls() {
		r.Drop("parallel_tool_calls")
	}
	return nil
}

// writeParameters writes a function's parameters. Ollama knows no references, so each is
// replaced by what it refers to; one that leads to itself can't be.
func (r *request) writeParameters(parameters canonical.Value) {
	if parameters.Kind() != '{' || !canonical.Filled(parameters) {
		r.Literal(`{"type":"object","properties":{}}`)
		return
	}
	refs := canonical.Resolver{Root: parameters}
	mark := len(r.B)
	if refs.Recursive() || !refs.WriteInlined(&r.Writer) {
		r.B = r.B[:mark]
		r.Value(parameters)
	}
}
