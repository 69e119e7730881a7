package wire

import (
	"encoding/binary"
	"math/bits"
)

// scan walks over one JSON text, checking it on the way. The first fault ends it:
// bad is set and every further step does nothing.
type scan struct {
	b   []byte
	i   int
	bad bool
}

// maxDepth bounds nesting, so that a hostile provider cannot exhaust the stack.
const maxDepth = 512

func (s *scan) fail() bool {
	s.bad, s.i = true, len(s.b)
	return false
}

// peek skips white space and gives the next byte, 0 at the end.
func (s *scan) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// open steps into an object or array that begins with c, and reports whether there
// is one.
func (s *scan) open(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.i++
	return true
}

// more steps to the next element of an object or array that ends with end, over the
// comma, or out of it. first says that no element has been read yet.
func (s *scan) more(end byte, first *bool) bool {
	c := s.peek()
	switch {
	case s.bad:
		return false
	case c == end:
		s.i++
		return false
	case *first:
		*first = false
		return c != 0 || s.fail()
	case c != ',':
		return s.fail()
	}
	s.i++
	return true
}

// name reads a member's name and the colon after it.
func (s *scan) name() []byte {
	if s.peek() != '"' {
		s.fail()
		return nil
	}
	name := s.text()
	if s.peek() != ':' {
		s.fail()
		return nil
	}
	s.i++
	return name
}

// text reads a string and gives what stands between its quotes, escapes as they are.
func (s *scan) text() []byte {
	b, start := s.b, s.i+1
	for i := start; i < len(b); {
		if i+8 <= len(b) {
			n := ordinary(binary.LittleEndian.Uint64(b[i:]))
			if i += n; n == 8 {
				continue
			}
		}
		switch c := b[i]; {
		case c == '"':
			s.i = i + 1
			return b[start:i]
		case c == '\\' && escapeLen(b[i:]) > 0:
			i += escapeLen(b[i:])
		case c == '\\' || c < ' ':
			s.fail()
			return nil
		default:
			i++
		}
	}
	s.fail()
	return nil
}

// ordinary counts the bytes of a string, read as a little-endian word, before the
// first that is a quote, a backslash or a control character. The subtractions borrow
// into higher bytes only above one that is found, so the lowest find is exact.
func ordinary(w uint64) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote, slash := w^ones*'"', w^ones*'\\'
	found := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w) & tops
	return bits.TrailingZeros64(found) / 8
}

// escapeLen is the length of the escape that b begins with, 0 when it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, c := range b[2:6] {
			if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f') {
				return 0
			}
		}
		return 6
	}
	return 0
}

// raw steps over any value and gives its bytes.
func (s *scan) raw() []byte {
	s.peek()
	start := s.i
	s.skip(0)
	if s.bad {
		return nil
	}
	return s.b[start:s.i]
}

// skip steps over any value.
func (s *scan) skip(depth int) {
	first := true
	switch c := s.peek(); {
	case depth > maxDepth:
		s.fail()
	case c == '"':
		s.text()
	case c == '{':
		for s.i++; s.more('}', &first); {
			s.name()
			s.skip(depth + 1)
		}
	case c == '[':
		for s.i++; s.more(']', &first); {
			s.skip(depth + 1)
		}
	case c == 't':
		s.word("true")
	case c == 'f':
		s.word("false")
	case c == 'n':
		s.word("null")
	default:
		s.number()
	}
}

func (s *scan) word(w string) {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		s.fail()
		return
	}
	s.i += len(w)
}

// number steps over a number as RFC 8259 has it.
func (s *scan) number() {
	if s.i < len(s.b) && s.b[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.b) && s.b[s.i] == '0' {
		s.i++
	} else {
		s.digits()
	}
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		s.digits()
	}
	if s.i < len(s.b) && s.b[s.i]|0x20 == 'e' {
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		s.digits()
	}
}

func (s *scan) digits() {
	start := s.i
	for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
		s.i++
	}
	if s.i == start {
		s.fail()
	}
}

// end reports whether the text was one sound value and nothing more.
func (s *scan) end() bool { return s.peek() == 0 && !s.bad && s.i == len(s.b) }
