package intake

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// text is a JSON string in the body: the span between its quotes, and its length
// in bytes once unescaped.
type text struct{ start, end, size int }

// escaped reports whether the raw bytes differ from the string they stand for.
// Every escape is longer than what it means.
func (t text) escaped() bool { return t.size != t.end-t.start }

// text checks the string at pos, which holds its opening quote.
func (s *scanner) text() (text, bool) {
	s.pos++
	t := text{start: s.pos}
	saved := 0
	for {
		s.plain()
		switch c := s.peek(); {
		case c == '"':
			t.end = s.pos
			t.size = t.end - t.start - saved
			s.pos++
			return t, true
		case c == '\\' && s.pos+1 < len(s.body) && isShort(s.body[s.pos+1]):
			s.pos += 2
			saved++
		case c == '\\':
			n, ok := s.escape()
			if !ok {
				return t, false
			}
			saved += n
		case c >= utf8.RuneSelf:
			if !s.wide() {
				return t, false
			}
		case s.pos >= len(s.body):
			return t, s.broken("The string that starts here has no closing quote.", t.start-1)
		default:
			return t, s.broken("A string may not hold a raw control character: write it as an escape such as \\n.", s.pos)
		}
	}
}

// plain steps over printable ASCII, eight bytes at a time, up to the next quote,
// backslash, control character or wide rune.
func (s *scanner) plain() {
	b, i := s.body, s.pos
	for i+8 <= len(b) {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			s.pos = i + bits.TrailingZeros64(m)>>3
			return
		}
		i += 8
	}
	for i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\' && b[i] < utf8.RuneSelf {
		i++
	}
	s.pos = i
}

// special sets the top bit of every byte of w that ends a plain run. Bits above the
// lowest one may be wrong, because a borrow ripples upwards; only the lowest counts.
func special(w uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote, slash := w^(ones*'"'), w^(ones*'\\')
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w | w) & tops
}

// wide checks a run of UTF-8 beyond ASCII.
func (s *scanner) wide() bool {
	for s.pos < len(s.body) && s.body[s.pos] >= utf8.RuneSelf {
		r, n := utf8.DecodeRune(s.body[s.pos:])
		if r == utf8.RuneError && n <= 1 {
			return s.broken("The text is not valid UTF-8: encode the body as UTF-8.", s.pos)
		}
		s.pos += n
	}
	return true
}

// isShort reports whether a backslash and c make an escape of two bytes.
func isShort(c byte) bool {
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	}
	return false
}

// escape checks the longer escape at pos and returns by how much it is longer than
// the bytes that it stands for.
func (s *scanner) escape() (saved int, ok bool) {
	switch {
	case s.pos+1 >= len(s.body):
		return 0, s.broken("The body ends within a string.", s.pos)
	case s.body[s.pos+1] != 'u':
		return 0, s.broken("A backslash must be followed by one of \" \\ / b f n r t u.", s.pos)
	}
	r, n := unicodeEscape(s.body[s.pos:])
	if n == 0 {
		return 0, s.broken("\\u must be followed by four hexadecimal digits, and surrogates must come in pairs.", s.pos)
	}
	s.pos += n
	return n - utf8.RuneLen(r), true
}

// unicodeEscape decodes \uXXXX, or two of them that form a surrogate pair, at the
// start of b. It returns 0 for n when b holds neither.
func unicodeEscape(b []byte) (r rune, n int) {
	r = hex4(b)
	if r < 0 {
		return r, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if r = utf16.DecodeRune(r, hex4(b[6:])); r == utf8.RuneError {
		return r, 0
	}
	return r, 12
}

// hex4 is the value of \uXXXX at the start of b, or -1.
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

// unescape appends to dst what the raw inside of a checked string stands for.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			dst = append(dst, raw[i])
			i++
			continue
		}
		if raw[i+1] == 'u' {
			r, n := unicodeEscape(raw[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		dst = append(dst, control(raw[i+1]))
		i += 2
	}
	return dst
}

// control is what a backslash and c stand for.
func control(c byte) byte {
	switch c {
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
	return c
}

// string copies out the string that t stands for.
func (s *scanner) string(t text) string {
	raw := s.body[t.start:t.end]
	if !t.escaped() {
		return string(raw)
	}
	return string(unescape(make([]byte, 0, t.size), raw))
}
