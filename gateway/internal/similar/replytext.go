package similar

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// ReplyText returns the text of a whole reply in any of the formats that requests come in: the
// strings of its members "content" and "text", however deep. It is empty for what is no JSON.
func ReplyText(reply []byte) string {
	s := jsontext.New(reply, maxDepth, jsontext.Grammar)
	var text strings.Builder
	collect(&s, &text)
	if s.End() != nil {
		return ""
	}
	return text.String()
}

// collect reads the next value and appends its texts.
func collect(s *jsontext.Scanner, text *strings.Builder) {
	switch s.Peek() {
	case '{':
		for name := range s.Members() {
			if (name.Is("content") || name.Is("text")) && s.Peek() == '"' {
				value, _ := jsontext.Unquote(s.Raw())
				text.WriteString(value)
				continue
			}
			collect(s, text)
		}
	case '[':
		for range s.Elements() {
			collect(s, text)
		}
	default:
		s.Skip()
	}
}
