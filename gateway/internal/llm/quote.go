package llm

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Quote returns text from outside between double quotes, as a message may show it: a JSON
// string in which invisible characters are escaped.
func Quote(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case Invisible(r):
			b.WriteString(EscapeRune(r))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Invisible reports whether a character shows nothing or changes how others are shown:
// control characters, which a terminal obeys, marks that reverse the direction of text,
// tags, and all others without a glyph.
func Invisible(r rune) bool {
	return r != ' ' && !unicode.IsPrint(r)
}

// EscapeRune returns a character as JSON escapes it: \u009b, or two of them for a character
// beyond U+FFFF. An invalid one becomes U+FFFD.
func EscapeRune(r rune) string {
	if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
		return escapeUnit(hi) + escapeUnit(lo)
	}
	return escapeUnit(r)
}

func escapeUnit(r rune) string {
	const digits = "0123456789abcdef"
	return `\u` + string([]byte{digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15]})
}
