package main

import penstock "github.com/penstock/penstock/sdk/go"

// transformRequest is the hook. Only the text is added: every other byte of the body is
// copied as it is.
func (p *plugin) transformRequest(out, in []byte) ([]byte, error) {
	var target, body penstock.JSON
	for key, value := range penstock.JSON(in).Members {
		switch string(key) {
		case "target":
			target = value.Member("id")
		case "body":
			body = value
		}
	}
	id, _ := target.Text(nil)
	s := p.match(string(id))
	if s == nil {
		return nil, nil
	}
	messages := body.Member("messages")
	if messages.Kind() != '[' {
		return nil, penstock.Reject(400, "messages must be a list")
	}
	within, add := s.addition(messages)
	at := body.Offset(within) + 1
	out = append(append(out, `{"body":`...), body[:at]...)
	out = append(append(out, add...), body[at:]...)
	return append(out, '}'), nil
}

// addition is what to add, and the value in which it comes right behind the opening quote or
// bracket.
func (s *style) addition(messages penstock.JSON) (within penstock.JSON, add []byte) {
	first := head(messages)
	content := first.Member("content")
	if !system(first) {
		content = nil
	}
	text := penstock.AppendText(nil, s.text)
	switch content.Kind() {
	case '"':
		return content, append(text[1:len(text)-1], `\n\n`...)
	case '[':
		return content, item(`{"type":"text","text":`, text, head(content))
	}
	return messages, item(`{"role":"system","content":`, text, first)
}

// head is a list's first item; nil when it has none.
func head(list penstock.JSON) (first penstock.JSON) {
	for v := range list.Items {
		return v
	}
	return nil
}

func system(message penstock.JSON) bool {
	role, _ := message.Member("role").Text(nil)
	return string(role) == "system" || string(role) == "developer"
}

// item is an object that ends in a text, with a comma when another item follows.
func item(begin string, text []byte, follows penstock.JSON) []byte {
	add := append(append([]byte(begin), text...), '}')
	if follows != nil {
		add = append(add, ',')
	}
	return add
}
