package intake

import "github.com/penstock/penstock/gateway/internal/llm"

// tools reads tools or the older functions: any at all asks for the capability,
// and all of it is part of the prompt.
func (s *scanner) tools(m *members) bool {
	name := "tools"
	if m.field == fFunctions {
		name = "functions"
	}
	if s.peek() == 'n' {
		return s.value()
	}
	read := s.value
	if m.field == fTools {
		read = s.tool
	}
	n, ok := s.list(name, read)
	s.need(llm.Tools, n > 0)
	return ok
}

// list checks an array that is part of the prompt, each element by read, and counts them.
func (s *scanner) list(param string, read func() bool) (n int, ok bool) {
	at := s.pos
	if s.peek() != '[' {
		return 0, s.wrongType(param, "an array")
	}
	if !s.enter() {
		return 0, false
	}
	for s.element(n) {
		if !read() {
			return 0, false
		}
		n++
	}
	s.prompt += s.pos - at
	return n, s.err == nil
}

func (s *scanner) responseFormat() bool {
	if s.peek() == 'n' {
		return s.value()
	}
	at := s.pos
	m, ok := s.open(responseFormat)
	for ok && s.next(&m) {
		if m.field != fType || s.peek() != '"' {
			ok = s.value()
			continue
		}
		var t text
		if t, ok = s.text(); ok {
			s.need(llm.JSONObject, s.is(t, "json_object"))
			s.need(llm.JSONSchema, s.is(t, "json_schema"))
		}
	}
	s.prompt += s.pos - at
	return s.err == nil
}

func (s *scanner) modalities() bool {
	if s.peek() == 'n' {
		return s.value()
	}
	if s.peek() != '[' {
		return s.wrongType("modalities", "an array")
	}
	if !s.enter() {
		return false
	}
	for n := 0; s.element(n); n++ {
		if s.peek() != '"' {
			return s.wrongType("modalities", "an array of strings")
		}
		t, ok := s.text()
		if !ok {
			return false
		}
		s.need(llm.AudioOut, s.is(t, "audio"))
	}
	return s.err == nil
}

// reasoningEffort asks for a reasoning model unless it is null or "none".
func (s *scanner) reasoningEffort() bool {
	if s.peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	s.need(llm.Reasoning, ok && !s.is(t, "none"))
	return ok
}

// is compares an unescaped string with a word.
func (s *scanner) is(t text, word string) bool {
	if t.size != len(word) {
		return false
	}
	var buf [32]byte
	return string(s.nameOf(t, buf[:0])) == word
}
