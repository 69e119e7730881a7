package door

import "github.com/penstock/penstock/gateway/internal/llm"

// The prompt's size is estimated from the bytes that a model will read. Media have
// flat prices, in tokens: what a large picture, half a minute of sound or a few
// pages cost at the providers that charge the most.
const (
	bytesPerToken = 3
	imageTokens   = 2_000
	audioTokens   = 4_000
	fileTokens    = 8_000
)

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

// readPart reads one content part. A part counts as a picture, a sound or a file
// when its type says so or when it carries one, because providers differ in which
// they believe.
func (s *scanner) readPart(d *said) bool {
	var kinds llm.Features
	m, ok := s.open(part)
	for ok && s.next(&m) {
		switch m.field {
		case fType:
			ok = s.partType(&kinds)
		case fText:
			ok = s.partText(d)
		case fImageURL:
			ok = s.medium(llm.Vision, &kinds, d)
		case fInputAudio:
			ok = s.medium(llm.AudioIn, &kinds, d)
		case fFile:
			ok = s.medium(llm.FileIn, &kinds, d)
		default:
			ok = s.value()
		}
	}
	s.price(kinds)
	return s.err == nil
}

// partType adds what a part's type asks for.
func (s *scanner) partType(kinds *llm.Features) bool {
	if s.peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	switch {
	case !ok:
		return false
	case s.is(t, "image_url"):
		*kinds |= llm.Vision
	case s.is(t, "input_audio"):
		*kinds |= llm.AudioIn
	case s.is(t, "file"):
		*kinds |= llm.FileIn
	}
	return true
}

// medium adds what a part carries; its bytes are no text.
func (s *scanner) medium(kind llm.Features, kinds *llm.Features, d *said) bool {
	if s.peek() == 'n' {
		return s.value()
	}
	*kinds |= kind
	at := s.pos
	ok := s.value()
	d.media += s.pos - at
	return ok
}

func (s *scanner) partText(d *said) bool {
	if s.peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	d.size += t.size
	return ok
}

// price adds a part's features and flat prices.
func (s *scanner) price(kinds llm.Features) {
	s.facts.Features |= kinds
	if kinds.Has(llm.Vision) {
		s.media += imageTokens
	}
	if kinds.Has(llm.AudioIn) {
		s.media += audioTokens
	}
	if kinds.Has(llm.FileIn) {
		s.media += fileTokens
	}
}
