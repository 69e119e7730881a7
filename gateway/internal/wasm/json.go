package wasm

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth is how deep JSON from a module may nest.
const maxDepth = 128

// scan is a strict reader of JSON (RFC 8259) that hands out the raw bytes of values:
// what modules return is mostly sliced and passed on, not decoded. The first fault
// stops it, and every further read gives nothing; callers look at err once.
type scan struct {
	b     []byte
	at    int
	depth int
	err   error
}

func (s *scan) fail(what string) {
	if s.err == nil {
		s.err = fmt.Errorf("not valid JSON: %s at byte %d", what, s.at)
	}
	s.at = len(s.b)
}

// check ends the reading if what was read is wrong for a reason of the caller's.
func (s *scan) check(err error) {
	if err != nil && s.err == nil {
		s.err = err
		s.at = len(s.b)
	}
}

func (s *scan) space() {
	for s.at < len(s.b) {
		switch s.b[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// peek returns the next byte that is not space, or 0 at the end.
func (s *scan) peek() byte {
	s.space()
	if s.at >= len(s.b) {
		return 0
	}
	return s.b[s.at]
}

func (s *scan) expect(c byte) {
	if s.peek() != c || s.at >= len(s.b) {
		s.fail("want " + strconv.QuoteRune(rune(c)))
		return
	}
	s.at++
}

// object calls member for every member of the object that comes next. Member must
// read the value. The key is as it stands, escapes and all.
func (s *scan) object(member func(key string)) {
	s.list('{', '}', func() {
		if s.peek() != '"' {
			s.fail("want a member's name")
			return
		}
		key := s.raw()
		s.expect(':')
		if s.err == nil {
			member(string(key[1 : len(key)-1]))
		}
	})
}

// array calls item for every element of the array that comes next. Item must read
// the value.
func (s *scan) array(item func()) { s.list('[', ']', item) }

func (s *scan) list(open, close byte, item func()) {
	s.expect(open)
	if s.depth++; s.depth > maxDepth {
		s.fail("too deep")
	}
	if s.peek() == close {
		s.at++
		s.depth--
		return
	}
	for s.err == nil {
		item()
		if s.peek() == close && s.at < len(s.b) {
			s.at++
			s.depth--
			return
		}
		s.expect(',')
	}
}

// raw passes over one value and returns its bytes.
func (s *scan) raw() []byte {
	s.space()
	start := s.at
	switch c := s.peek(); {
	case c == '{':
		s.object(func(string) { s.raw() })
	case c == '[':
		s.array(func() { s.raw() })
	case c == '"':
		s.string()
	case c == '-' || c >= '0' && c <= '9':
		s.number()
	default:
		s.literal()
	}
	if s.err != nil {
		return nil
	}
	return s.b[start:s.at]
}

func (s *scan) literal() {
	for _, word := range [...]string{"true", "false", "null"} {
		if rest := s.b[s.at:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.at += len(word)
			return
		}
	}
	s.fail("want a value")
}

func (s *scan) string() {
	start := s.at
	for s.at++; s.at < len(s.b); s.at++ {
		switch c := s.b[s.at]; {
		case c == '"':
			s.at++
			if !utf8.Valid(s.b[start:s.at]) {
				s.fail("a string is not valid UTF-8")
			}
			return
		case c == '\\':
			s.escape()
		case c < 0x20:
			s.fail("a control character in a string")
		}
	}
	s.fail("a string without its end")
}

// escape leaves the position at the escape's last byte.
func (s *scan) escape() {
	s.at++
	if s.at >= len(s.b) {
		return
	}
	switch s.b[s.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
	case 'u':
		for range 4 {
			if s.at++; s.at >= len(s.b) || !isHex(s.b[s.at]) {
				s.fail("a bad escape in a string")
				return
			}
		}
	default:
		s.fail("a bad escape in a string")
	}
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func (s *scan) number() {
	if s.b[s.at] == '-' {
		s.at++
	}
	if s.at < len(s.b) && s.b[s.at] == '0' {
		s.at++
	} else {
		s.digits()
	}
	if s.at < len(s.b) && s.b[s.at] == '.' {
		s.at++
		s.digits()
	}
	if s.at < len(s.b) && (s.b[s.at] == 'e' || s.b[s.at] == 'E') {
		s.at++
		if s.at < len(s.b) && (s.b[s.at] == '+' || s.b[s.at] == '-') {
			s.at++
		}
		s.digits()
	}
}

func (s *scan) digits() {
	start := s.at
	for s.at < len(s.b) && s.b[s.at] >= '0' && s.b[s.at] <= '9' {
		s.at++
	}
	if s.at == start {
		s.fail("a number without digits")
	}
}

// end checks that nothing but space is left, and returns what went wrong if anything
// did.
func (s *scan) end() error {
	if s.peek(); s.err == nil && s.at < len(s.b) {
		s.fail("something behind the value")
	}
	return s.err
}

// float reads a number. Null gives ok false without being a fault.
func (s *scan) float() (v float64, ok bool) {
	b := s.raw()
	if s.err != nil || string(b) == "null" {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		s.fail("want a number")
		return 0, false
	}
	return v, true
}

// int reads a whole number. Null gives ok false without being a fault.
func (s *scan) int() (v int64, ok bool) {
	b := s.raw()
	if s.err != nil || string(b) == "null" {
		return 0, false
	}
	v, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		s.fail("want a whole number")
		return 0, false
	}
	return v, true
}

// text reads a string. Null gives "" without being a fault.
func (s *scan) text() string {
	b := s.raw()
	if s.err != nil || string(b) == "null" {
		return ""
	}
	v, ok := unquote(b)
	if !ok {
		s.fail("want a string")
	}
	return v
}
