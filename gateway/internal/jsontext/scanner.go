package jsontext

import (
	"fmt"
	"iter"
)

// Scanner walks over one JSON text from left to right and checks it on the way. The first
// fault ends the scan: from then on Peek returns 0, More reports false and every other
// method does nothing, so callers may look at the fault once, at the end.
//
// Scanning allocates nothing. What it returns are parts of the text. A Scanner is made by
// New and used by one goroutine.
type Scanner struct {
	text  []byte
	pos   int
	depth int
	max   int
	check Check
	// fresh is set between an opening bracket and the first element or the closing one.
	fresh bool
	err   error
}

// New starts at the beginning of text. At most maxDepth objects and arrays may be open at
// once; the caller must bound it, because Skip calls itself for each of them.
func New(text []byte, maxDepth int, c Check) Scanner {
	return Scanner{text: text, max: maxDepth, check: c}
}

// OK reports whether there was no fault so far.
func (s *Scanner) OK() bool { return s.err == nil }

// Err returns the fault that ended the scan: an *Error, or what Stop was given. It is nil
// if there was none.
func (s *Scanner) Err() error { return s.err }

// Stop ends the scan for a reason of the caller's, unless it has ended. Nil is no reason.
func (s *Scanner) Stop(err error) {
	if err != nil && s.err == nil {
		s.err = err
		s.pos = len(s.text)
		s.fresh = false
	}
}

// End checks that nothing but white space is left and returns the fault of the scan.
func (s *Scanner) End() error {
	if s.Peek(); s.pos < len(s.text) {
		s.expected("the end of the text")
	}
	return s.err
}

// Pos returns the offset of the byte that is read next: behind a value its end, after Peek
// the start of the next token.
func (s *Scanner) Pos() int { return s.pos }

// Peek passes over white space and returns the first byte of the next token, or 0 if the
// text is over. A NUL is no token, so callers need not tell the two apart.
func (s *Scanner) Peek() byte {
	if s.pos < len(s.text) && s.text[s.pos] > ' ' {
		return s.text[s.pos]
	}
	return s.space()
}

func (s *Scanner) space() byte {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// Open enters the object or array that begins with bracket, and reports whether one comes
// next. Read its elements with More, but only after Open has reported true. A caller that
// accepts nothing else is better served by Members and Elements.
func (s *Scanner) Open(bracket byte) bool {
	if s.Peek() != bracket {
		return false
	}
	if s.depth >= s.max {
		s.fail(s.pos, fmt.Sprintf("nested more than %d levels deep", s.max))
		return false
	}
	s.depth++
	s.pos++
	s.fresh = true
	return true
}

// More passes over a comma to the next element of the object or array that was opened
// last and that ends with bracket. At its end, More leaves it and reports false. The
// caller must read each element: the name and the value of a member, or a value.
func (s *Scanner) More(bracket byte) bool {
	c := s.Peek()
	switch {
	case c == bracket:
		s.fresh = false
		s.depth--
		s.pos++
		return false
	case s.fresh:
		s.fresh = false
		return true
	case c != ',':
		s.expected("',' or '" + string(rune(bracket)) + "'")
		return false
	}
	s.pos++
	return true
}

// Name reads the name of a member and the colon after it.
func (s *Scanner) Name() Text {
	if s.Peek() != '"' {
		s.expected("a member name in double quotes")
		return Text{}
	}
	name := s.quoted()
	if s.Peek() != ':' {
		s.expected("':' after the member name")
		return Text{}
	}
	s.pos++
	return name
}

// Members enters the object that comes next, which must be one, and yields the name of each
// member. The loop must read the member's value.
func (s *Scanner) Members() iter.Seq[Text] {
	return func(yield func(Text) bool) {
		if !s.Open('{') {
			s.Expected("an object")
		}
		for s.More('}') {
			if name := s.Name(); s.err != nil || !yield(name) {
				return
			}
		}
	}
}

// Elements enters the array that comes next, which must be one, and yields the index of
// each element. The loop must read the element.
func (s *Scanner) Elements() iter.Seq[int] {
	return func(yield func(int) bool) {
		if !s.Open('[') {
			s.Expected("an array")
		}
		for i := 0; s.More(']') && yield(i); i++ {
		}
	}
}

// Raw reads any value and returns it as it stands in the text, nil after a fault.
func (s *Scanner) Raw() []byte {
	s.Peek()
	start := s.pos
	s.Skip()
	if s.err != nil {
		return nil
	}
	return s.text[start:s.pos]
}

// Skip reads any value.
func (s *Scanner) Skip() {
	switch c := s.Peek(); c {
	case '"':
		s.quoted()
	case '{':
		for s.Open('{'); s.More('}'); {
			s.Name()
			s.Skip()
		}
	case '[':
		for s.Open('['); s.More(']'); {
			s.Skip()
		}
	case 't':
		s.word("true")
	case 'f':
		s.word("false")
	case 'n':
		s.word("null")
	default:
		if c != '-' && !isDigit(c) {
			s.expected("a value")
			return
		}
		s.number()
	}
}

func (s *Scanner) word(word string) {
	end := s.pos + len(word)
	if end > len(s.text) || string(s.text[s.pos:end]) != word {
		s.expected("true, false or null")
		return
	}
	s.pos = end
}

func (s *Scanner) number() {
	s.accept('-')
	if !s.accept('0') {
		s.digits("a digit")
	}
	if s.accept('.') {
		s.digits("a digit after the decimal point")
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		s.digits("a digit in the exponent")
	}
}

// accept passes over c if it is the next byte.
func (s *Scanner) accept(c byte) bool {
	if s.pos >= len(s.text) || s.text[s.pos] != c {
		return false
	}
	s.pos++
	return true
}

// digits passes over at least one digit.
func (s *Scanner) digits(want string) {
	start := s.pos
	for s.pos < len(s.text) && isDigit(s.text[s.pos]) {
		s.pos++
	}
	if s.pos == start {
		s.expected(want)
	}
}

func isDigit(c byte) bool { return c-'0' <= 9 }
