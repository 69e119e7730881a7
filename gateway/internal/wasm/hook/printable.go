package hook

import (
	"fmt"
	"strings"
	"unicode"
)

// Printable returns a module's text for messages, records and logs: characters on which a
// terminal might act are escaped. Line ends and tabs stay.
func Printable(text string) string {
	if !strings.ContainsFunc(text, steersTerminal) {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		if steersTerminal(c) {
			fmt.Fprintf(&b, `\u{%x}`, c)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// steersTerminal reports a character that changes how a terminal shows what follows: C0 and
// C1 controls, controls of the writing direction, line separators, and tags.
func steersTerminal(c rune) bool {
	if c == '\n' || c == '\t' {
		return false
	}
	return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || unicode.Is(unicode.Zl, c) || unicode.Is(unicode.Zp, c) ||
		c >= 0xe0000 && c <= 0xe007f
}
