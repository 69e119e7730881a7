package intake

import "github.com/penstock/penstock/gateway/internal/llm"

// bytesPerToken turns the length of a prompt's text into its likely size.
const bytesPerToken = 3

// messageInfo is what one message says about itself.
type messageInfo struct {
	// at is where the message starts.
	at      int
	role    text
	hasRole bool
	calls   bool
	// size is the length of its text once unescaped, media the raw bytes that are
	// not text.
	size, media int
}

// conversation reads the messages.
func (s *scanner) conversation() bool {
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
		m := messageInfo{at: s.pos}
		if !s.anyMessage(&m) {
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

// anyMessage reads one message of either API.
func (s *scanner) anyMessage(d *messageInfo) bool {
	if s.root == messagesBody {
		return s.anthropicMessage(d)
	}
	return s.readMessage(d)
}

// readMessage reads one message and notes what the facts need of it.
func (s *scanner) readMessage(d *messageInfo) bool {
	m, ok := s.open(message)
	for ok && s.next(&m) {
		ok = s.messageMember(&m, d)
	}
	return s.err == nil && s.endMessage(d)
}

// endMessage checks a message that has been read to its end.
func (s *scanner) endMessage(d *messageInfo) bool {
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

func (s *scanner) messageMember(m *members, d *messageInfo) bool {
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

func (s *scanner) role(d *messageInfo) bool {
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
func (s *scanner) content(d *messageInfo) bool {
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

func (s *scanner) parts(d *messageInfo) bool {
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

func (s *scanner) partText(d *messageInfo) bool {
	if s.peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	d.size += t.size
	return ok
}
