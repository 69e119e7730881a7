package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeConversation writes the system prompt and the messages.
func (a *accepted) writeConversation() error {
	a.Name("messages")
	a.Open('[')
	if canonical.Filled(a.in.system) || len(canonical.Inside(a.in.system)) > 0 {
		if err := a.writeMessage("system", a.in.system, place{name: "system"}); err != nil {
			return err
		}
	}
	i := 0
	for m := range a.in.messages.Items {
		if err := a.writeOne(m, place{name: canonical.At("messages", i) + ".content"}); err != nil {
			return err
		}
		i++
	}
	a.Close(']')
	return nil
}

// writeOne writes one message of the conversation.
func (a *accepted) writeOne(m canonical.Value, at place) error {
	var role, content canonical.Value
	for key, v := range m.Members {
		switch string(key) {
		case "role":
			role = v
		case "content":
			content = v
		}
	}
	switch name := string(canonical.Text(role)); name {
	case "assistant":
		return a.writeAssistant(content, at)
	case "user":
		return a.writeUser(content, at)
	default:
		return a.writeMessage(name, content, at)
	}
}

// place is where in the request a list of blocks stands.
type place struct{ name string }

// reject refuses the request for the member of the list's k-th block.
func (p place) reject(k int, member, why string) error {
	return canonical.Reject(canonical.At(p.name, k)+member, why)
}

// numbered is a block with its position in the content.
type numbered struct {
	block canonical.Value
	k     int
}

// blocksOf appends the blocks of a content, none when it is a string. They are looked through
// more than once, and finding them takes the most time.
func blocksOf(dst []numbered, content canonical.Value) []numbered {
	k := 0
	for block := range content.Items {
		dst = append(dst, numbered{block, k})
		k++
	}
	return dst
}

// writeMessage writes a message whose content has no place outside of it.
func (a *accepted) writeMessage(role string, content canonical.Value, at place) error {
	a.blocks = blocksOf(a.blocks[:0], content)
	return a.writeSimple(role, content, a.blocks, at)
}

func (a *accepted) writeSimple(role string, content canonical.Value, blocks []numbered, at place) error {
	a.Open('{')
	a.MemberText("role", []byte(role))
	a.Name("content")
	if err := a.writeContent(content, blocks, at); err != nil {
		return err
	}
	a.Close('}')
	return nil
}

// writeUser writes a user's message. What tools returned has messages of its own, which come
// first, as their blocks do.
func (a *accepted) writeUser(content canonical.Value, at place) error {
	a.blocks = blocksOf(a.blocks[:0], content)
	all := len(a.blocks)
	others := a.blocks[:0]
	for _, b := range a.blocks {
		if string(canonical.Text(b.block.Member("type"))) != "tool_result" {
			others = append(others, b)
		} else if err := a.writeResult(b.block, at, b.k); err != nil {
			return err
		}
	}
	if len(others) == 0 && all > 0 {
		return nil
	}
	return a.writeSimple("user", content, others, at)
}

// writeResult writes what a tool returned.
func (a *accepted) writeResult(block canonical.Value, at place, k int) error {
	var id, content, isError, control canonical.Value
	for key, v := range block.Members {
		switch string(key) {
		case "tool_use_id":
			id = v
		case "content":
			content = v
		case "is_error":
			isError = v
		case "cache_control":
			control = v
		}
	}
	if len(canonical.Inside(id)) == 0 {
		return at.reject(k, ".tool_use_id", "must name the call that this is the result of")
	}
	a.Open('{')
	a.MemberLiteral("role", `"tool"`)
	a.MemberValue("tool_call_id", id)
	a.Name("content")
	a.returned = blocksOf(a.returned[:0], content)
	if err := a.writeContent(content, a.returned, place{canonical.At(at.name, k) + ".content"}); err != nil {
		return err
	}
	a.MemberValue("is_error", isError)
	a.MemberValue("cache_control", control)
	a.Close('}')
	return nil
}

// writeContent writes a string, or blocks as parts. Services that imitate OpenAI may take
// nothing but text, so a text alone is written as one.
func (a *accepted) writeContent(content canonical.Value, blocks []numbered, at place) error {
	switch {
	case content.Kind() == '"':
		a.Value(content)
		return nil
	case len(blocks) == 0:
		a.Literal(`""`)
		return nil
	case len(blocks) == 1:
		if text := plainText(blocks[0].block); text != nil {
			a.Value(text)
			return nil
		}
	}
	a.Open('[')
	for _, b := range blocks {
		if err := a.writePart(b.block, at, b.k); err != nil {
			return err
		}
	}
	a.Close(']')
	return nil
}

// plainText returns the text of a block that is nothing but that, nil for any other.
func plainText(block canonical.Value) canonical.Value {
	var text canonical.Value
	for key, v := range block.Members {
		switch {
		case string(key) == "text" && v.Kind() == '"':
			text = v
		case string(key) == "type" && string(canonical.Text(v)) == "text":
		case v.Null():
		default:
			return nil
		}
	}
	return text
}
