package anthropic

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// assistantMessage is a message of the assistant's while its blocks are read. The canonical
// form has thoughts, content and calls, in that order.
type assistantMessage struct {
	thoughts, parts, calls []numbered
	// unsigned are thoughts of models that sign none: the provider's text of them.
	unsigned []canonical.Value
}

// writeAssistant writes a message of the assistant's. Blocks whose order the canonical form
// can't hold become several messages in a row, which say the same.
func (a *accepted) writeAssistant(content canonical.Value, at place) error {
	if content.Kind() != '[' {
		return a.writeMessage("assistant", content, at)
	}
	m, k := &a.message, 0
	m.reset()
	for block := range content.Items {
		kind := string(canonical.Text(block.Member("type")))
		if isThought(kind) && len(m.parts) > 0 && len(m.calls) == 0 {
			if err := a.writeGathered(at); err != nil {
				return err
			}
		}
		m.add(kind, block, k)
		k++
	}
	return a.writeGathered(at)
}

func isThought(kind string) bool { return kind == "thinking" || kind == "redacted_thinking" }

func (m *assistantMessage) reset() {
	*m = assistantMessage{m.thoughts[:0], m.parts[:0], m.calls[:0], m.unsigned[:0]}
}

func (m *assistantMessage) add(kind string, block canonical.Value, k int) {
	switch {
	case kind == "tool_use":
		m.calls = append(m.calls, numbered{block, k})
	case kind == "thinking" && len(canonical.Inside(block.Member("signature"))) == 0:
		m.unsigned = append(m.unsigned, block.Member("thinking"))
	case isThought(kind):
		m.thoughts = append(m.thoughts, numbered{block, k})
	default:
		m.parts = append(m.parts, numbered{block, k})
	}
}

// writeGathered writes the blocks that have been read as one message.
func (a *accepted) writeGathered(at place) error {
	m := &a.message
	a.Open('{')
	a.MemberLiteral("role", `"assistant"`)
	a.writeThoughts()
	a.Name("content")
	if err := a.writeParts(at); err != nil {
		return err
	}
	if len(m.calls) > 0 {
		a.Name("tool_calls")
		a.Open('[')
		for _, call := range m.calls {
			if err := a.writeCall(call.block, at, call.k); err != nil {
				return err
			}
		}
		a.Close(']')
	}
	a.Close('}')
	m.reset()
	return nil
}

// writeThoughts writes the thoughts that are signed as they are, and the others as text.
func (a *accepted) writeThoughts() {
	m := &a.message
	if len(m.unsigned) > 0 {
		a.Name("reasoning_content")
		a.B = append(a.B, '"')
		for _, text := range m.unsigned {
			a.B = append(a.B, canonical.Inside(text)...)
		}
		a.B = append(a.B, '"')
	}
	if len(m.thoughts) > 0 {
		a.Name("thinking_blocks")
		a.Open('[')
		for _, t := range m.thoughts {
			a.Value(t.block)
		}
		a.Close(']')
	}
}

// writeParts writes the content: null beside calls.
func (a *accepted) writeParts(at place) error {
	m := &a.message
	if len(m.parts) == 0 && len(m.calls) > 0 {
		a.Literal("null")
		return nil
	}
	return a.writeContent(nil, m.parts, at)
}

// writeCall writes a call of one of the client's tools.
func (a *accepted) writeCall(block canonical.Value, at place, k int) error {
	var id, name, input, control, caller canonical.Value
	for key, v := range block.Members {
		switch string(key) {
		case "id":
			id = v
		case "name":
			name = v
		case "input":
			input = v
		case "cache_control":
			control = v
		case "caller":
			caller = v
		}
	}
	if len(canonical.Inside(name)) == 0 {
		return at.reject(k, ".name", "must name the tool that was called")
	}
	if input.Kind() != '{' {
		input = canonical.Value("{}")
	}
	a.Open('{')
	a.MemberValue("id", id)
	a.MemberLiteral("type", `"function"`)
	a.Name("function")
	a.Open('{')
	a.MemberValue("name", canonical.ShortName(name))
	a.Name("arguments")
	a.B = append(penstock.AppendInside(append(a.B, '"'), input), '"')
	a.Close('}')
	a.MemberValue("cache_control", control)
	a.MemberValue("caller", caller)
	a.Close('}')
	return nil
}
