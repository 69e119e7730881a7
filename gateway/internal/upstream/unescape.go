package upstream

import (
	"html"
	"strconv"
	"strings"
)

// maxUnescaped bounds how many layers of escapes are undone: an error that quotes
// another's JSON has two.
const maxUnescaped = 4

// span is a part of a text, in bytes.
type span struct{ from, to int }

// reading is a text with some layers of its escapes undone.
type reading struct {
	text string
	// at is where each byte comes from in the original text; nil for the original.
	at     []span
	rounds int
}

// origin returns the part of the original text that a part of this one comes from.
func (r *reading) origin(from, to int) span {
	if r.at == nil {
		return span{from, to}
	}
	return span{r.at[from].from, r.at[to-1].to}
}

// unescape undoes one more layer of escapes and reports whether there was any.
func (r *reading) unescape() (next reading, more bool) {
	if r.rounds == maxUnescaped || !strings.ContainsAny(r.text, `\%&`) {
		return reading{}, false
	}
	text, at := make([]byte, 0, len(r.text)), make([]span, 0, len(r.text))
	for i := 0; i < len(r.text); {
		plain, n := unescaped(r.text[i:])
		more = more || n > 1
		text = append(text, plain...)
		for range len(plain) {
			at = append(at, r.origin(i, i+n))
		}
		i += n
	}
	return reading{text: string(text), at: at, rounds: r.rounds + 1}, more
}

// unescaped returns the first character of a text, its escape undone, and its length as
// it is written.
func unescaped(s string) (plain string, n int) {
	switch s[0] {
	case '\\':
		return unescapedSlash(s)
	case '%':
		if b, ok := hexadecimal(s, 1, 2); ok {
			return string([]byte{byte(b)}), 3
		}
	case '&':
		end := strings.IndexByte(s[:min(len(s), 12)], ';') + 1
		if plain := html.UnescapeString(s[:end]); plain != s[:end] {
			return plain, end
		}
	}
	return s[:1], 1
}

// unescapedSlash reads an escape of JSON and most languages, which begins with a
// backslash.
func unescapedSlash(s string) (plain string, n int) {
	if len(s) < 2 {
		return s, len(s)
	}
	switch s[1] {
	case '\\', '/', '"', '\'':
		return s[1:2], 2
	case 'u':
		if r, ok := hexadecimal(s, 2, 4); ok {
			return string(rune(r)), 6
		}
	case 'x':
		if b, ok := hexadecimal(s, 2, 2); ok {
			return string([]byte{byte(b)}), 4
		}
	}
	return s[:1], 1
}

// hexadecimal reads a number of so many hexadecimal digits.
func hexadecimal(s string, from, digits int) (uint64, bool) {
	if len(s) < from+digits {
		return 0, false
	}
	n, err := strconv.ParseUint(s[from:from+digits], 16, 32)
	return n, err == nil
}
