package hook

import (
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// maxLastUser bounds the last user text, in bytes.
const maxLastUser = 8 << 10

// AppendLastUser appends the text of the last message of the user that has any, at most 8
// KiB of its beginning. Several parts are joined by line ends. The body is a canonical
// request or another one whose messages have a role and a content of text or parts;
// nothing is appended for any other.
func AppendLastUser(dst, body []byte) []byte {
	content := lastUserContent(body)
	if content == nil {
		return dst
	}
	start := len(dst)
	eachText(content, func(t jsontext.Text) bool {
		if len(dst) > start {
			dst = append(dst, '\n')
		}
		dst = appendBounded(dst, t, maxLastUser)
		return len(dst)-start < maxLastUser
	})
	return dst[:start+clip(dst[start:], maxLastUser)]
}

// lastUserContent returns the content of the last message of the user with text; nil if
// there is none.
func lastUserContent(body []byte) (content []byte) {
	s := jsontext.New(body, MaxDepth, jsontext.Grammar)
	for key := range s.Members() {
		if !key.Is("messages") || s.Peek() != '[' {
			s.Skip()
			continue
		}
		for range s.Elements() {
			if own := userContent(&s); hasText(own) {
				content = own
			}
		}
	}
	if !s.OK() {
		return nil
	}
	return content
}

// userContent reads a message and returns its content if it is the user's.
func userContent(s *jsontext.Scanner) (content []byte) {
	if s.Peek() != '{' {
		s.Skip()
		return nil
	}
	user := false
	for key := range s.Members() {
		switch {
		case key.Is("role") && s.Peek() == '"':
			user = s.Text().Is("user")
		case key.Is("content"):
			content = s.Raw()
		default:
			s.Skip()
		}
	}
	if !user {
		return nil
	}
	return content
}

func hasText(content []byte) (found bool) {
	eachText(content, func(t jsontext.Text) bool {
		found = found || t.Size > 0
		return !found
	})
	return found
}

// eachText calls yield with the texts of a message's content until it returns false.
func eachText(content []byte, yield func(jsontext.Text) bool) {
	s := jsontext.New(content, MaxDepth, jsontext.Grammar)
	switch s.Peek() {
	case '"':
		yield(s.Text())
	case '[':
		for range s.Elements() {
			if t := partText(&s); t.Size > 0 && !yield(t) {
				return
			}
		}
	}
}

// partText reads a part of a message's content and returns its text, if it is one.
func partText(s *jsontext.Scanner) (text jsontext.Text) {
	if s.Peek() != '{' {
		s.Skip()
		return text
	}
	for key := range s.Members() {
		if key.Is("text") && s.Peek() == '"' {
			text = s.Text()
		} else {
			s.Skip()
		}
	}
	return text
}

// longestEscape is how many bytes of JSON spell one character at most: two \uXXXX.
const longestEscape = 12

// appendBounded appends at least the first n bytes of what t stands for, or all of it, and
// not the megabytes that it may have.
func appendBounded(dst []byte, t jsontext.Text, n int) []byte {
	longest := utf8.UTFMax
	if t.Escaped() {
		longest = longestEscape
	}
	if most := (n + 1) * longest; len(t.Raw) > most {
		t.Raw = t.Raw[:most] // a character that is cut is behind the first n bytes
	}
	return t.Append(dst)
}

// clip returns the length of the longest beginning of text with at most n bytes that does
// not cut a character.
func clip(text []byte, n int) int {
	if len(text) <= n {
		return len(text)
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}
