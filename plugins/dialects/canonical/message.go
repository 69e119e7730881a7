package canonical

// Role is who speaks in a message.
type Role int

// The roles. System is also the developer's; Function is the deprecated form of Tool.
const (
	UnknownRole Role = iota
	System
	User
	Assistant
	Tool
	Function
)

func roleOf(v Value) Role {
	switch string(Text(v)) {
	case "system", "developer":
		return System
	case "user":
		return User
	case "assistant":
		return Assistant
	case "tool":
		return Tool
	case "function":
		return Function
	}
	return UnknownRole
}

// Message is one message with its members; nil when absent.
type Message struct {
	Role             Role
	Content, Refusal Value
	CacheControl     Value
	// ToolCalls are an assistant's, FunctionCall its one call in the deprecated form.
	ToolCalls, FunctionCall   Value
	ToolCallID, IsError, Name Value
	// ThinkingBlocks, ReasoningDetails and reasoning bring back what the model thought before,
	// the last as plain text.
	ThinkingBlocks, ReasoningDetails, reasoning Value
	// ResultID is the id of the call that a result belongs to, as CallIDs.Plan has set it.
	ResultID []byte
	// ResultOfCustom says that the call is one of a custom tool.
	ResultOfCustom bool
	// firstCall is where the message's calls begin among all.
	firstCall int
}

// read reads the members of a message.
func (m *Message) read(v Value) {
	for key, member := range v.Members {
		switch string(key) {
		case "role":
			m.Role = roleOf(member)
		case "content":
			m.Content = member
		case "refusal":
			m.Refusal = member
		case "cache_control":
			m.CacheControl = member
		case "tool_calls":
			m.ToolCalls = member
		case "function_call":
			m.FunctionCall = member
		case "tool_call_id":
			m.ToolCallID = member
		case "name":
			m.Name = member
		case "is_error":
			m.IsError = member
		case "thinking_blocks":
			m.ThinkingBlocks = member
		case "reasoning_details":
			m.ReasoningDetails = member
		case "reasoning_content", "reasoning":
			m.reasoning = Or(m.reasoning, member)
		}
	}
}

// CallsTools reports whether a message calls any tool.
func (m *Message) CallsTools() bool { return Filled(m.ToolCalls) || m.FunctionCall.Kind() == '{' }

// IsResult reports whether a message holds what a tool returned.
func (m *Message) IsResult() bool { return m.Role == Tool || m.Role == Function }
