// Package jsontext reads and writes JSON as text. A Scanner walks over one text and
// checks it on the way; the Append functions write strings, names and separators. Both
// are strict: they know the grammar of RFC 8259 and nothing beyond it.
//
// It builds no values and converts no numbers: a number is handed out as it is written.
// Duplicate members are not looked for, because only the caller knows which names count.
// For values of Go types use encoding/json.
package jsontext

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Check says what a Scanner demands of strings besides the grammar.
type Check uint8

// Grammar demands nothing: bytes that are not UTF-8 pass, and so does an escape of half a
// surrogate pair, which RFC 8259 allows and encoding/json accepts.
const Grammar Check = 0

// What may be demanded, alone or together.
const (
	// UTF8 refuses bytes that are not valid UTF-8.
	UTF8 Check = 1 << iota
	// Pairs refuses the escape of a surrogate without its other half.
	Pairs
)

// Error is the first fault of a text.
type Error struct {
	// Offset is where the fault is, in bytes.
	Offset int
	// Reason completes the sentence "The text is …", without a full stop.
	Reason string
}

// Error gives the reason and the offset.
func (e *Error) Error() string { return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset) }

// Validate returns nil if text is one JSON value with nothing but white space around it,
// and otherwise its first fault. MaxDepth and c are those of New.
func Validate(text []byte, maxDepth int, c Check) error {
	s := New(text, maxDepth, c)
	s.Skip()
	return s.End()
}

// Unquote returns the string that raw stands for. It reports false if raw is anything but
// one JSON string.
func Unquote(raw []byte) (string, bool) {
	s := New(raw, 0, Grammar)
	t := s.Text()
	if s.End() != nil {
		return "", false
	}
	return t.String(), true
}

// Expected ends the scan because the caller demands something else in the place of the next
// token: want says what.
func (s *Scanner) Expected(want string) {
	what := "not valid JSON"
	if startsValue(s.Peek()) {
		what = "not the expected JSON"
	}
	s.unexpected(what, want)
}

func startsValue(c byte) bool {
	switch c {
	case '{', '[', '"', 't', 'f', 'n', '-':
		return true
	}
	return isDigit(c)
}

// expected ends the scan because the grammar demands something else at the position.
func (s *Scanner) expected(want string) { s.unexpected("not valid JSON", want) }

func (s *Scanner) unexpected(what, want string) {
	if s.err == nil {
		s.fail(s.pos, what+": expected "+want+", found "+s.found())
	}
}

// found describes what is at the position.
func (s *Scanner) found() string {
	r, n := utf8.DecodeRune(s.text[s.pos:])
	switch {
	case n == 0:
		return "the end of the text"
	case r == utf8.RuneError && n == 1:
		return fmt.Sprintf("the byte %#02x", s.text[s.pos])
	case !unicode.IsPrint(r):
		return fmt.Sprintf("%U", r)
	}
	return string(AppendQuote(nil, string(r)))
}

// fail keeps the first fault and ends the scan.
func (s *Scanner) fail(at int, reason string) {
	if s.err == nil {
		s.Stop(&Error{Offset: at, Reason: reason})
	}
}
