package jsontext

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is a JSON string as it stands in a text.
type Text struct {
	// Raw is what stands between the quotes.
	Raw []byte
	// Size is the length of the string that Raw stands for, in bytes.
	Size int
}

// Escaped reports whether Raw has escapes. Every escape is longer than what it stands for.
func (t Text) Escaped() bool { return t.Size != len(t.Raw) }

// Is reports whether t stands for word.
func (t Text) Is(word string) bool {
	switch {
	case t.Size != len(word):
		return false
	case t.Escaped():
		var room [64]byte
		return string(t.Append(room[:0])) == word
	}
	return string(t.Raw) == word
}

// String returns the string that t stands for. It is valid UTF-8: whatever else t holds,
// and half a surrogate pair, becomes U+FFFD.
func (t Text) String() string {
	if !t.Escaped() && utf8.Valid(t.Raw) {
		return string(t.Raw)
	}
	return string(t.Append(make([]byte, 0, t.Size)))
}

// Append appends to dst what String returns.
func (t Text) Append(dst []byte) []byte {
	start, raw := len(dst), t.Raw
	for {
		next := bytes.IndexByte(raw, '\\')
		if next < 0 {
			break
		}
		dst = append(dst, raw[:next]...)
		r, n := decodeEscape(raw[next:])
		dst = utf8.AppendRune(dst, r)
		raw = raw[next+n:]
	}
	dst = append(dst, raw...)
	if utf8.Valid(dst[start:]) {
		return dst
	}
	broken := string(dst[start:])
	dst = dst[:start]
	for _, r := range broken { // U+FFFD for every byte that is no character
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// Text reads a string.
func (s *Scanner) Text() Text {
	if s.Peek() != '"' {
		s.expected("a string")
		return Text{}
	}
	return s.quoted()
}

// quoted reads the string whose opening quote is at the position.
func (s *Scanner) quoted() Text {
	b, start := s.text, s.pos+1
	saved := 0        // by decoding escapes, in bytes
	seen := uint64(0) // all bytes ored: its top bits are zero if they were ASCII
	for i := start; i < len(b); {
		for i+8 <= len(b) {
			word := binary.LittleEndian.Uint64(b[i:])
			seen |= word
			if stop := special(word); stop != 0 {
				i += bits.TrailingZeros64(stop) / 8
				break
			}
			i += 8
		}
		if i >= len(b) {
			break
		}
		switch c := b[i]; {
		case c == '"':
			if seen&tops != 0 && !s.checkUTF8(start, i) {
				return Text{}
			}
			s.pos = i + 1
			return Text{Raw: b[start:i], Size: i - start - saved}
		case c == '\\' && i+1 < len(b) && short(b[i+1]) != 0:
			i += 2
			saved++
		case c == '\\':
			r, n := s.escape(start, i)
			if n == 0 {
				return Text{}
			}
			i += n
			saved += n - utf8.RuneLen(r)
		case c < ' ':
			s.failText(start, i, `not valid JSON: a string holds a control character, which must be written as an escape such as \n`)
			return Text{}
		default:
			seen |= uint64(c)
			i++
		}
	}
	if s.checkUTF8(start, len(b)) {
		s.fail(start-1, unterminated)
	}
	return Text{}
}

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080

	unterminated = "not valid JSON: the string that starts here has no closing quote"
)

// special marks the bytes of a string, read as a little-endian word, that are a quote, a
// backslash or a control character, by their top bits. The subtractions borrow into higher
// bytes only above one that is found, so the lowest mark is exact.
func special(w uint64) uint64 {
	quote, slash := w^ones*'"', w^ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w) & tops
}

// checkUTF8 reports whether the bytes of a string are what the caller demands.
func (s *Scanner) checkUTF8(start, end int) bool {
	if s.check&UTF8 == 0 || utf8.Valid(s.text[start:end]) {
		return true
	}
	for {
		r, n := utf8.DecodeRune(s.text[start:end])
		if r == utf8.RuneError && n <= 1 {
			s.fail(start, "not valid JSON: a string is not valid UTF-8")
			return false
		}
		start += n
	}
}

// failText reports a fault at an offset in a string, unless there is one before it.
func (s *Scanner) failText(start, at int, reason string) {
	if s.checkUTF8(start, at) {
		s.fail(at, reason)
	}
}

// escape checks the escape at an offset in a string. It returns what it stands for and its
// length, 0 after a fault.
func (s *Scanner) escape(start, at int) (r rune, n int) {
	b := s.text[at:]
	switch {
	case len(b) == 1:
		if s.checkUTF8(start, at) {
			s.fail(start-1, unterminated)
		}
		return 0, 0
	case b[1] != 'u':
		if r = short(b[1]); r == 0 {
			s.failText(start, at, `not valid JSON: a backslash must be followed by one of " \ / b f n r t u`)
			return 0, 0
		}
		return r, 2
	case hex4(b) < 0:
		s.failText(start, at, `not valid JSON: \u must be followed by four hexadecimal digits`)
		return 0, 0
	}
	if r, n = unicodeEscape(b); r == utf8.RuneError && s.check&Pairs != 0 && utf16.IsSurrogate(hex4(b)) {
		s.failText(start, at, "not valid JSON: escaped surrogates must come in pairs")
		return 0, 0
	}
	return r, n
}

// decodeEscape returns what the escape at the start of raw stands for, and its length. What
// is no escape stands for itself.
func decodeEscape(raw []byte) (r rune, n int) {
	switch {
	case len(raw) >= 2 && short(raw[1]) != 0:
		return short(raw[1]), 2
	case hex4(raw) >= 0:
		return unicodeEscape(raw)
	}
	return '\\', 1
}

// short returns what a backslash and c stand for, 0 if they are no escape.
func short(c byte) rune {
	switch c {
	case '"', '\\', '/':
		return rune(c)
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return 0
}

// unicodeEscape decodes the \uXXXX at the start of b, or two of them that are the halves of
// a surrogate pair. Half a pair gives U+FFFD.
func unicodeEscape(b []byte) (r rune, n int) {
	if r = hex4(b); !utf16.IsSurrogate(r) {
		return r, 6
	}
	if r = utf16.DecodeRune(r, hex4(b[6:])); r == utf8.RuneError {
		return r, 6
	}
	return r, 12
}

// hex4 returns the value of the \uXXXX at the start of b, or -1.
func hex4(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[2:6] {
		switch lower := c | 0x20; {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case lower >= 'a' && lower <= 'f':
			r = r<<4 | rune(lower-'a'+10)
		default:
			return -1
		}
	}
	return r
}
