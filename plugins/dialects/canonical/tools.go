package canonical

import "bytes"

// FunctionTool is a function's declaration with its members; nil when absent. The last
// ones are an extension, and may also stand beside the function.
type FunctionTool struct {
	Name, Description, Parameters, Strict, CacheControl Value
	DeferLoading, InputExamples, AllowedCallers         Value
	EagerInput                                          Value
}

// ReadFunction reads the members of a declaration.
func ReadFunction(v Value) (f FunctionTool) {
	for key, member := range v.Members {
		switch string(key) {
		case "name":
			f.Name = member
		case "description":
			f.Description = member
		case "parameters":
			f.Parameters = member
		case "strict":
			f.Strict = member
		case "cache_control":
			f.CacheControl = member
		case "defer_loading":
			f.DeferLoading = member
		case "input_examples":
			f.InputExamples = member
		case "allowed_callers":
			f.AllowedCallers = member
		case "eager_input_streaming":
			f.EagerInput = member
		}
	}
	return f
}

// Choice is a request's choice of tools.
type Choice int

// The choices. NoChoice is a request that makes none.
const (
	NoChoice Choice = iota
	ChooseAuto
	ChooseNone
	ChooseAny
	ChooseOne
	ChooseCustom
)

// ToolChoice reads tool_choice, also in Anthropic's words, or the deprecated
// function_call. ChooseOne comes with the name of the function, ChooseCustom with that of
// the custom tool.
func (r *Request) ToolChoice() (choice Choice, name []byte) {
	v := r.toolChoice
	if v == nil {
		v = r.functionCall
	}
	word := string(Text(v))
	if v.Kind() == '{' {
		word = string(Text(v.Member("type")))
	}
	switch word {
	case "auto":
		return ChooseAuto, nil
	case "none":
		return ChooseNone, nil
	case "any", "required":
		return ChooseAny, nil
	case "tool":
		return ChooseOne, Text(v.Member("name"))
	case "allowed_tools":
		if r.ForcesTool() {
			return ChooseAny, nil
		}
		return ChooseAuto, nil
	}
	return namedChoice(v)
}

// namedChoice reads the forms that name a tool: {"type":"function","function":{"name":…}},
// {"type":"custom","custom":{"name":…}} and the deprecated {"name":…}.
func namedChoice(v Value) (choice Choice, name []byte) {
	if name = Text(v.Member("custom", "name")); name != nil {
		return ChooseCustom, name
	}
	name = Text(v.Member("function", "name"))
	if name == nil {
		name = Text(v.Member("name"))
	}
	if name == nil {
		return NoChoice, nil
	}
	return ChooseOne, name
}

// ForcesTool reports whether tool_choice makes the model call a tool.
func (r *Request) ForcesTool() bool {
	v := r.toolChoice
	if v.Kind() == '{' {
		switch string(Text(v.Member("type"))) {
		case "function", "custom", "tool", "any":
			return true
		case "allowed_tools":
			return string(Text(v.Member("allowed_tools", "mode"))) == "required"
		}
		return false
	}
	word := Text(v)
	return string(word) == "required" || string(word) == "any"
}

// ForbidsParallelCalls reports whether the request wants at most one call in a reply, in
// OpenAI's or in Anthropic's words.
func (r *Request) ForbidsParallelCalls() bool {
	return !r.parallelToolCalls.Null() && r.parallelToolCalls.Kind() != 't' ||
		r.toolChoice.Member("disable_parallel_tool_use").Kind() == 't'
}

// AllowedTools is the list that tool_choice narrows the declared tools down to, nil when
// it does not.
func (r *Request) AllowedTools() Value {
	if string(Text(r.toolChoice.Member("type"))) != "allowed_tools" {
		return nil
	}
	allowed := r.toolChoice.Member("allowed_tools", "tools")
	if allowed.Kind() != '[' {
		return nil
	}
	return allowed
}

// CalledTool returns what a tool call says of the tool, and reports whether it is a custom
// one, whose input is any text.
func CalledTool(call Value) (tool Value, custom bool) {
	if tool = call.Member("function"); tool.Null() {
		if own := call.Member("custom"); own.Kind() == '{' {
			return own, true
		}
	}
	return tool, false
}

// Mentions reports whether a list of tools has a function of that name.
func Mentions(tools Value, name []byte) bool {
	for v := range tools.Items {
		if tool, _ := CalledTool(v); bytes.Equal(Text(tool.Member("name")), name) {
			return true
		}
	}
	return false
}

// maxCalledTools bounds how many tools CalledTools returns.
const maxCalledTools = 128

// CalledTools returns the names of the tools that the messages call, each once.
func (r *Request) CalledTools() (names [][]byte) {
	for i := range r.Messages {
		m := &r.Messages[i]
		for call := range m.ToolCalls.Items {
			names = addName(names, Text(call.Member("function", "name")))
		}
		names = addName(names, Text(m.FunctionCall.Member("name")))
	}
	return names
}

func addName(names [][]byte, name []byte) [][]byte {
	if len(name) == 0 || len(names) == maxCalledTools || contains(names, name) {
		return names
	}
	return append(names, name)
}

// toolNames yields every name of a tool in the request, some twice.
func (r *Request) toolNames(yield func([]byte) bool) {
	for v := range r.Tools.Items {
		f, _ := CalledTool(v)
		if f.Kind() != '{' {
			f = v
		}
		if !yield(Text(f.Member("name"))) {
			return
		}
	}
	for v := range r.Functions.Items {
		if !yield(Text(v.Member("name"))) {
			return
		}
	}
	for i := range r.Messages {
		m := &r.Messages[i]
		for call := range m.ToolCalls.Items {
			if tool, _ := CalledTool(call); !yield(Text(tool.Member("name"))) {
				return
			}
		}
		if m.FunctionCall.Kind() == '{' && !yield(Text(m.FunctionCall.Member("name"))) {
			return
		}
	}
}
