package intake

import "github.com/penstock/penstock/gateway/internal/llm"

// scanner walks one body from left to right. Its methods return false once err is
// set. It lives on the stack of Scan.
type scanner struct {
	body  []byte
	pos   int
	depth int
	max   int
	err   *llm.Error

	// root is the kind of the outermost object, and so the API that the body is for.
	root object

	facts llm.Facts
	cache llm.CacheControl
	// message and part are the indices of what is being read, for errors.
	message, part int
	// prompt counts the bytes that a model will read, media apart; media counts the
	// tokens of images, sounds and files at their flat prices.
	prompt int
	media  int64
	// limitGiven says which member set MaxTokens: 0 while none has.
	limitGiven field

	// strange remembers the member names that no switch knows, for the objects
	// that are open; known ones have a bit each.
	strange   [maxStrange]stranger
	strangers int
}

func newScanner(body []byte, root object, o Options) scanner {
	s := scanner{body: body, root: root, max: o.MaxDepth}
	if s.max <= 0 {
		s.max = defaultMaxDepth
	}
	return s
}

// scan reads the whole body.
func (s *scanner) scan() (llm.Facts, llm.CacheControl, error) {
	if !s.document() {
		return llm.Facts{}, llm.CacheControl{}, s.err
	}
	return s.facts, s.cache, nil
}

// value checks one JSON value of any kind without reading it.
func (s *scanner) value() bool {
	switch c := s.peek(); c {
	case '"':
		_, ok := s.text()
		return ok
	case '{':
		return s.skipObject()
	case '[':
		return s.skipArray()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		if c == '-' || isDigit(c) {
			return s.number()
		}
		return s.unexpected("a value")
	}
}

// skipObject checks an object that nobody interprets.
func (s *scanner) skipObject() bool {
	if !s.enter() {
		return false
	}
	if s.space(); s.peek() == '}' {
		return s.leave()
	}
	for {
		if s.peek() != '"' {
			return s.unexpected("a member name in double quotes")
		}
		if _, ok := s.text(); !ok || !s.colon() || !s.value() {
			return false
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
			s.space()
		case '}':
			return s.leave()
		default:
			return s.unexpected("',' or '}'")
		}
	}
}

// skipArray checks an array that nobody interprets.
func (s *scanner) skipArray() bool {
	if !s.enter() {
		return false
	}
	for n := 0; s.element(n); n++ {
		if !s.value() {
			return false
		}
	}
	return s.err == nil
}

// element steps to the next element of the array that enter opened; n is how many
// there have been. It reports false at the end, having left the array, and on error.
func (s *scanner) element(n int) bool {
	s.space()
	switch c := s.peek(); {
	case c == ']':
		s.leave()
		return false
	case n == 0:
		return true
	case c == ',':
		s.pos++
		s.space()
		return true
	default:
		return s.unexpected("',' or ']'")
	}
}

// enter opens the object or array at pos.
func (s *scanner) enter() bool {
	s.depth++
	if s.depth > s.max {
		return s.tooDeep()
	}
	s.pos++
	return true
}

// leave closes the object or array whose bracket is at pos.
func (s *scanner) leave() bool {
	s.depth--
	s.pos++
	return true
}

// colon steps over the colon after a name and the space around it.
func (s *scanner) colon() bool {
	s.space()
	if s.peek() != ':' {
		return s.unexpected("':' after the member name")
	}
	s.pos++
	s.space()
	return true
}

// peek is the byte at pos, or 0 at the end. A NUL in the body is no token either,
// so the two need not be told apart.
func (s *scanner) peek() byte {
	if s.pos < len(s.body) {
		return s.body[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.body) {
		switch s.body[s.pos] {
		case ' ', '\n', '\t', '\r':
			s.pos++
		default:
			return
		}
	}
}

// literal checks one of the three words.
func (s *scanner) literal(word string) bool {
	end := s.pos + len(word)
	if end > len(s.body) || string(s.body[s.pos:end]) != word {
		return s.unexpected("true, false or null")
	}
	s.pos = end
	return true
}

// number checks a number by RFC 8259's grammar.
func (s *scanner) number() bool {
	if s.peek() == '-' {
		s.pos++
	}
	switch c := s.peek(); {
	case c == '0':
		s.pos++
	case !s.digits():
		return s.unexpected("a digit")
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return s.unexpected("a digit after the decimal point")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.unexpected("a digit in the exponent")
		}
	}
	return true
}

// digits steps over at least one digit.
func (s *scanner) digits() bool {
	start := s.pos
	for isDigit(s.peek()) {
		s.pos++
	}
	return s.pos > start
}

func isDigit(c byte) bool { return c-'0' <= 9 }
