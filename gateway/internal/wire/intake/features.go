package intake

import (
	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// tools reads tools or the older functions: any at all asks for the capability,
// and all of it is part of the prompt.
func (s *scanner) tools(m *members) bool {
	name := "tools"
	if m.field == fFunctions {
		name = "functions"
	}
	if s.Peek() == 'n' {
		return s.value()
	}
	read := s.value
	if m.field == fTools {
		read = s.tool
	}
	at := s.Pos()
	n, ok := s.list(name, read)
	s.need(llm.Tools, n > 0)
	s.facts.ToolsAt = s.span(at)
	return ok
}

// list checks an array that is part of the prompt, each element by read, and counts them.
func (s *scanner) list(param string, read func() bool) (n int, ok bool) {
	at := s.Pos()
	if !s.Open('[') {
		return 0, s.wrongType(param, "an array")
	}
	for s.element() {
		if !read() {
			return 0, false
		}
		n++
	}
	s.prompt += s.Pos() - at
	return n, s.OK()
}

func (s *scanner) responseFormat() bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	at := s.Pos()
	m, ok := s.open(responseFormat)
	for ok && s.next(&m) {
		if m.field != fType || s.Peek() != '"' {
			ok = s.value()
			continue
		}
		var t jsontext.Text
		if t, ok = s.text(); ok {
			s.need(llm.JSONObject, t.Is("json_object"))
			s.need(llm.JSONSchema, t.Is("json_schema"))
		}
	}
	s.prompt += s.Pos() - at
	return s.OK()
}

func (s *scanner) modalities() bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	if !s.Open('[') {
		return s.wrongType("modalities", "an array")
	}
	for s.element() {
		if s.Peek() != '"' {
			return s.wrongType("modalities", "an array of strings")
		}
		t, ok := s.text()
		if !ok {
			return false
		}
		s.need(llm.AudioOut, t.Is("audio"))
	}
	return s.OK()
}

// reasoningEffort asks for a reasoning model unless it is null or "none".
func (s *scanner) reasoningEffort() bool {
	if s.Peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	s.need(llm.Reasoning, ok && !t.Is("none"))
	return ok
}
