package intake

import (
	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// bytesPerToken turns the length of a prompt's text into its likely size.
const bytesPerToken = 3

// messageInfo is what one message says about itself.
type messageInfo struct {
	// at is where the message starts.
	at      int
	role    jsontext.Text
	hasRole bool
	calls   bool
	// size is the length of its text once unescaped, media the raw bytes that are
	// not text.
	size, media int
	// texts is a hash of its texts, in their order.
	texts uint64
}

// conversation reads the messages.
func (s *scanner) conversation() bool {
	at := s.Pos()
	if !s.Open('[') {
		return s.wrongType("messages", "an array")
	}
	media := 0
	n := 0
	for ; s.element(); n++ {
		s.message = n
		m := messageInfo{at: s.Pos()}
		if !s.anyMessage(&m) {
			return false
		}
		media += m.media
	}
	if !s.OK() {
		return false
	}
	if n == 0 {
		return s.refuse(at, "messages", "messages is empty: send at least one message.")
	}
	s.facts.Messages = n
	s.prompt += s.Pos() - at - media
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
	return s.OK() && s.endMessage(d)
}

// endMessage checks a message that has been read to its end.
func (s *scanner) endMessage(d *messageInfo) bool {
	if !d.hasRole {
		return s.refuse(d.at, s.path(message, "role"), "%s has no role.", s.path(message, ""))
	}
	byUser := d.role.Is("user")
	if byUser {
		s.facts.LastUserChars = d.size
	}
	s.begin(d, byUser)
	// The last message alone decides whether the model is to continue it.
	s.facts.Features &^= llm.Prefill
	s.need(llm.Prefill, d.role.Is("assistant") && !d.calls)
	return true
}

func (s *scanner) messageMember(m *members, d *messageInfo) bool {
	switch m.field {
	case fRole:
		return s.role(d)
	case fContent:
		return s.content(d)
	case fAudio:
		s.unbounded(s.Peek() == '{', "the sound of an earlier reply")
	case fToolCalls, fFunctionCall:
		d.calls = d.calls || s.Peek() == '[' || s.Peek() == '{'
	}
	return s.value()
}

func (s *scanner) role(d *messageInfo) bool {
	if s.Peek() != '"' {
		return s.wrongType(s.path(message, "role"), "a string")
	}
	at := s.Pos()
	var ok bool
	if d.role, ok = s.text(); !ok {
		return false
	}
	d.hasRole = true
	if d.role.Size == 0 {
		return s.refuse(at, s.path(message, "role"), "A role is empty: say user, assistant, system, developer or tool.")
	}
	return true
}

// content reads a string, a list of parts, or null.
func (s *scanner) content(d *messageInfo) bool {
	switch s.Peek() {
	case '"':
		t, ok := s.text()
		s.noteText(d, t)
		return ok
	case '[':
		return s.parts(d)
	case 'n':
		return s.value()
	}
	return s.wrongType(s.path(message, "content"), "a string or an array of parts")
}

func (s *scanner) parts(d *messageInfo) bool {
	if !s.Open('[') {
		return false
	}
	for s.part = 0; s.element(); s.part++ {
		if !s.readPart(d) {
			return false
		}
	}
	return s.OK()
}

func (s *scanner) partText(d *messageInfo) bool {
	if s.Peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	s.noteText(d, t)
	return ok
}
