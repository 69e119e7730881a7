package ollama

import "github.com/penstock/penstock/plugins/dialects/canonical"

// message is the assistant's message, or a piece of it in a stream; nil when absent.
type message struct{ content, thinking, toolCalls canonical.Value }

func readMessage(v canonical.Value) (m message) {
	for key, member := range v.Members {
		switch string(key) {
		case "content":
			m.content = member
		case "thinking":
			m.thinking = member
		case "tool_calls":
			m.toolCalls = member
		}
	}
	return m
}

// blocks appends what the message holds.
func (m *message) blocks(dst []canonical.Block) []canonical.Block {
	if len(canonical.Inside(m.thinking)) > 0 {
		w := canonical.Writer{}
		w.Open('{')
		w.MemberLiteral("type", `"thinking"`)
		w.MemberValue("thinking", m.thinking)
		w.Close('}')
		dst = append(dst, canonical.Block{Kind: canonical.ThinkingBlock, Thinking: m.thinking, Thought: w.B})
	}
	if len(canonical.Inside(m.content)) > 0 {
		dst = append(dst, canonical.Block{Kind: canonical.TextBlock, Text: m.content})
	}
	for v := range m.toolCalls.Items {
		dst = append(dst, readCall(v))
	}
	return dst
}

// readCall reads a call, whose arguments are an object. Older versions give no ids.
func readCall(v canonical.Value) canonical.Block {
	function := v.Member("function")
	return canonical.Block{Kind: canonical.CallBlock, ID: v.Member("id"), Name: function.Member("name"), Input: function.Member("arguments")}
}
