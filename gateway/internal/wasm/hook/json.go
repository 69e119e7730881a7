package hook

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth is how deep JSON from a module may nest.
const maxDepth = 128

// Scan is a strict reader of JSON (RFC 8259) that hands out the raw bytes of values:
// what modules return is mostly sliced and passed on, not decoded. The first fault
// stops it, and every further read gives nothing; callers look at err once.
type Scan struct {
	B     []byte
	At    int
	depth int
	Err   error
}

func (s *Scan) fail(what string) {
	if s.Err == nil {
		s.Err = fmt.Errorf("not valid JSON: %s at byte %d", what, s.At)
	}
	s.At = len(s.B)
}

// Check ends the reading if what was read is wrong for a reason of the caller's.
func (s *Scan) Check(err error) {
	if err != nil && s.Err == nil {
		s.Err = err
		s.At = len(s.B)
	}
}

func (s *Scan) Space() {
	for s.At < len(s.B) {
		switch s.B[s.At] {
		case ' ', '\t', '\n', '\r':
			s.At++
		default:
			return
		}
	}
}

// Peek returns the next byte that is not space, or 0 at the end.
func (s *Scan) Peek() byte {
	s.Space()
	if s.At >= len(s.B) {
		return 0
	}
	return s.B[s.At]
}

func (s *Scan) expect(c byte) {
	if s.Peek() != c || s.At >= len(s.B) {
		s.fail("want " + strconv.QuoteRune(rune(c)))
		return
	}
	s.At++
}

// Object calls member for every member of the object that comes next. Member must
// read the value. The key is as it stands, escapes and all.
func (s *Scan) Object(member func(key string)) {
	s.list('{', '}', func() {
		if s.Peek() != '"' {
			s.fail("want a member's name")
			return
		}
		key := s.Raw()
		s.expect(':')
		if s.Err == nil {
			member(string(key[1 : len(key)-1]))
		}
	})
}

// Array calls item for every element of the array that comes next. Item must read
// the value.
func (s *Scan) Array(item func()) { s.list('[', ']', item) }

func (s *Scan) list(open, close byte, item func()) {
	s.expect(open)
	if s.depth++; s.depth > maxDepth {
		s.fail("too deep")
	}
	if s.Peek() == close {
		s.At++
		s.depth--
		return
	}
	for s.Err == nil {
		item()
		if s.Peek() == close && s.At < len(s.B) {
			s.At++
			s.depth--
			return
		}
		s.expect(',')
	}
}

// Raw passes over one value and returns its bytes.
func (s *Scan) Raw() []byte {
	s.Space()
	start := s.At
	switch c := s.Peek(); {
	case c == '{':
		s.Object(func(string) { s.Raw() })
	case c == '[':
		s.Array(func() { s.Raw() })
	case c == '"':
		s.string()
	case c == '-' || c >= '0' && c <= '9':
		s.number()
	default:
		s.literal()
	}
	if s.Err != nil {
		return nil
	}
	return s.B[start:s.At]
}

func (s *Scan) literal() {
	for _, word := range [...]string{"true", "false", "null"} {
		if rest := s.B[s.At:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.At += len(word)
			return
		}
	}
	s.fail("want a value")
}

func (s *Scan) string() {
	start := s.At
	for s.At++; s.At < len(s.B); s.At++ {
		switch c := s.B[s.At]; {
		case c == '"':
			s.At++
			if !utf8.Valid(s.B[start:s.At]) {
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
func (s *Scan) escape() {
	s.At++
	if s.At >= len(s.B) {
		return
	}
	switch s.B[s.At] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
	case 'u':
		for range 4 {
			if s.At++; s.At >= len(s.B) || !isHex(s.B[s.At]) {
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

func (s *Scan) number() {
	if s.B[s.At] == '-' {
		s.At++
	}
	if s.At < len(s.B) && s.B[s.At] == '0' {
		s.At++
	} else {
		s.digits()
	}
	if s.At < len(s.B) && s.B[s.At] == '.' {
		s.At++
		s.digits()
	}
	if s.At < len(s.B) && (s.B[s.At] == 'e' || s.B[s.At] == 'E') {
		s.At++
		if s.At < len(s.B) && (s.B[s.At] == '+' || s.B[s.At] == '-') {
			s.At++
		}
		s.digits()
	}
}

func (s *Scan) digits() {
	start := s.At
	for s.At < len(s.B) && s.B[s.At] >= '0' && s.B[s.At] <= '9' {
		s.At++
	}
	if s.At == start {
		s.fail("a number without digits")
	}
}

// End checks that nothing but space is left, and returns what went wrong if anything
// did.
func (s *Scan) End() error {
	if s.Peek(); s.Err == nil && s.At < len(s.B) {
		s.fail("something behind the value")
	}
	return s.Err
}

// float reads a number. Null gives ok false without being a fault.
func (s *Scan) float() (v float64, ok bool) {
	b := s.Raw()
	if s.Err != nil || string(b) == "null" {
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
func (s *Scan) int() (v int64, ok bool) {
	b := s.Raw()
	if s.Err != nil || string(b) == "null" {
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
func (s *Scan) text() string {
	b := s.Raw()
	if s.Err != nil || string(b) == "null" {
		return ""
	}
	v, ok := Unquote(b)
	if !ok {
		s.fail("want a string")
	}
	return v
}

// CheckJSON reports what keeps b from being one JSON value.
func CheckJSON(b []byte) error {
	s := Scan{B: b}
	s.Raw()
	return s.End()
}
