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
		at := place{name: canonical.At("messages", i) + ".content"}
		role, content := string(canonical.Text(m.Member("role"))), m.Member("content")
		var err error
		switch role {
		case "assistant":
			err = a.writeAssistant(content, at)
		case "user":
			err = a.writeUser(content, at)
		default:
			err = a.writeMessage(role, content, at)
		}
		if err != nil {
			return err
		}
		i++
	}
	a.Close(']')
	return nil
}

// place is where in the request a list of blocks stands.
type place struct{ name string }

// reject refuses the request for the member of the list's k-th block.
func (p place) reject(k int, member, why string) error {
	return canonical.Reject(canonical.At(p.name, k)+member, why)
}

// writeMessage writes a message whose content has no place outside of it.
func (a *accepted) writeMessage(role string, content canonical.Value, at place) error {
	a.Open('{')
	a.MemberText("role", []byte(role))
	a.Name("content")
	if err := a.writeContent(content, at, nil); err != nil {
		return err
	}
	a.Close('}')
	return nil
}

// writeUser writes a user's message. What tools returned has messages of its own, which come
// first, as their blocks do.
func (a *accepted) writeUser(content canonical.Value, at place) error {
	results, others, k := 0, 0, 0
	for block := range content.Items {
		if isResult(block) {
			if err := a.writeResult(block, at, k); err != nil {
				return err
			}
			results++
		} else {
			others++
		}
		k++
	}
	if results > 0 && others == 0 {
		return nil
	}
	a.Open('{')
	a.MemberLiteral("role", `"user"`)
	a.Name("content")
	if err := a.writeContent(content, at, isResult); err != nil {
		return err
	}
	a.Close('}')
	return nil
}

func isResult(block canonical.Value) bool {
	return string(canonical.Text(block.Member("type"))) == "tool_result"
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
	if err := a.writeContent(content, place{canonical.At(at.name, k) + ".content"}, nil); err != nil {
		return err
	}
	a.MemberValue("is_error", isError)
	a.MemberValue("cache_control", control)
	a.Close('}')
	return nil
}

// writeContent writes blocks as parts, without those that skip reports. Services that
// imitate OpenAI may take nothing but text, so a text alone is written as one.
func (a *accepted) writeContent(content canonical.Value, at place, skip func(canonical.Value) bool) error {
	if content.Kind() == '"' {
		a.Value(content)
		return nil
	}
	var only canonical.Value
	n := 0
	for block := range content.Items {
		if skip == nil || !skip(block) {
			only = block
			n++
		}
	}
	if n == 0 {
		a.Literal(`""`)
		return nil
	}
	if text := plainText(only); n == 1 && text != nil {
		a.Value(text)
		return nil
	}
	a.Open('[')
	k := 0
	for block := range content.Items {
		if skip == nil || !skip(block) {
			if err := a.writePart(block, at, k); err != nil {
				return err
			}
		}
		k++
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
