package canonical

import "bytes"

// DeclaredFunction is a function that the model may call, and where its declaration stands.
type DeclaredFunction struct {
	FunctionTool
	// InDeprecated is set for an element of functions, otherwise it is one of tools; Index is
	// its position.
	InDeprecated bool
	Index        int
}

// Path names the declaration, for messages.
func (f *DeclaredFunction) Path() string {
	if f.InDeprecated {
		return At("functions", f.Index)
	}
	return At("tools", f.Index)
}

// DeclaredFunctions appends the functions that the model may call: those declared in any of
// OpenAI's forms or in Anthropic's, without those that tool_choice leaves out. It rejects
// tools that are not functions, as of a provider that has no others.
func (r *Request) DeclaredFunctions(dst []DeclaredFunction, provider string) ([]DeclaredFunction, error) {
	i := 0
	for tool := range r.Tools.Items {
		f := DeclaredFunction{FunctionTool: readTool(tool), Index: i}
		if f.Parameters == nil && f.Name == nil {
			return dst, Reject(f.Path(), "only function tools can be sent to "+provider)
		}
		dst = append(dst, f)
		i++
	}
	i = 0
	for v := range r.Functions.Items {
		dst = append(dst, DeclaredFunction{FunctionTool: ReadFunction(v), InDeprecated: true, Index: i})
		i++
	}
	for i := range dst {
		if len(Text(dst[i].Name)) == 0 {
			return dst, Reject(dst[i].Path()+".name", "must be a string that is not empty")
		}
	}
	return r.chosen(dst)
}

// readTool reads a declaration as a function: the nested form, the flat one of OpenAI's newer
// API, or Anthropic's.
func readTool(tool Value) FunctionTool {
	if v := tool.Member("function"); v.Kind() == '{' {
		return ReadFunction(v)
	}
	switch kind := string(Text(tool.Member("type"))); {
	case kind == "function":
		return ReadFunction(tool)
	case kind == "" || kind == "custom":
		if schema := tool.Member("input_schema"); schema.Kind() == '{' {
			f := ReadFunction(tool)
			f.Parameters = schema
			return f
		}
	}
	return FunctionTool{}
}

// chosen leaves out the functions that tool_choice does not allow, or all but the one that it
// names.
func (r *Request) chosen(all []DeclaredFunction) ([]DeclaredFunction, error) {
	choice, name := r.ToolChoice()
	allowed := r.AllowedTools()
	if len(all) == 0 || choice != ChooseOne && allowed == nil {
		return all, nil
	}
	kept := all[:0]
	for _, f := range all {
		own := Text(f.Name)
		if choice == ChooseOne && bytes.Equal(own, name) || choice != ChooseOne && Mentions(allowed, own) {
			kept = append(kept, f)
		}
	}
	if len(kept) == 0 {
		return kept, Reject("tool_choice", "names no function that is declared in tools")
	}
	return kept, nil
}
