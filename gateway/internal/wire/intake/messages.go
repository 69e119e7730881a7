package intake

import "github.com/penstock/penstock/gateway/internal/llm"

// bytesPerToken turns the length of a prompt's text into its likely size.
const bytesPerToken = 3

// said is what one message says about itself.
type said struct {
	// at is where the message starts.
	at      int
	role    text
	hasRole bool
	calls   bool
	// size is the length of its text once unescaped, media the raw bytes that are
	// not text.
	size, media int
}

// messages reads the conversation.
func (s *scanner) messages() bool {
	at := s.pos
	if s.peek() != '[' {
		return s.wrongType("messages", "an array")
	}
	if !s.enter() {
		return false
	}
	media := 0
	n := 0
	for ; s.element(n); n++ {
		s.message = n
		m := said{at: s.pos}
		if !s.readMessage(&m) {
			return false
		}
		media += m.media
	}
	if s.err != nil {
		return false
	}
	if n == 0 {
		return s.refuse(at, "messages", "messages is empty: send at least one message.")
	}
	s.facts.Messages = n
	s.prompt += s.pos - at - media
	return true
}

// readMessage reads one message and notes what the facts need of it.
func (s *scanner) readMessage(d *said) bool {
	m, ok := s.open(message)
	for ok && s.next(&m) {
		ok = s.messageMember(&m, d)
	}
	if s.err != nil {
		return false
	}
	if !d.hasRole {
		return s.refuse(d.at, s.path(message, "role"), "%s has no role.", s.path(message, ""))
	}
	if s.is(d.role, "user") {
		s.facts.LastUserChars = d.size
	}
	// The last message alone decides whether the model is to continue it.
	s.facts.Features &^= llm.Prefill
	s.need(llm.Prefill, s.is(d.role, "assistant") && !d.calls)
	return true
}

func (s *scanner) messageMember(m *members, d *said) bool {
	switch m.field {
	case fRole:
		return s.role(d)
	case fContent:
		return s.content(d)
	case fAudio:
		s.unbounded(s.peek() == '{', "the sound of an earlier reply")
	case fToolCalls, fFunctionCall:
		d.calls = d.calls || s.peek() == '[' || s.peek() == '{'
	}
	return s.value()
}

func (s *scanner) role(d *said) bool {
	if s.peek() != '"' {
		return s.wrongType(s.path(message, "role"), "a string")
	}
	at := s.pos
	var ok bool
	if d.role, ok = s.text(); !ok {
		return false
	}
	d.hasRole = true
	if d.role.size == 0 {
		return s.refuse(at, s.path(message, "role"), "A role is empty: say user, assistant, system, developer or tool.")
	}
	return true
}

// content reads a string, a list of parts, or null.
func (s *scanner) content(d *said) bool {
	switch s.peek() {
	case '"':
		t, ok := s.text()
		d.size += t.size
		return ok
	case '[':
		return s.parts(d)
	case 'n':
		return s.value()
	}
	return s.wrongType(s.path(message, "content"), "a string or an array of parts")
}

func (s *scanner) parts(d *said) bool {
	if !s.enter() {
		return false
	}
	for s.part = 0; s.element(s.part); s.part++ {
		if !s.readPart(d) {
			return false
		}
	}
	return s.err == nil
}

func (s *scanner) partText(d *said) bool {
	if s.peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	d.size += t.size
	return ok
}
