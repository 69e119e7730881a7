package hook

import (
	"fmt"
	"strings"
	"unicode"
)

// Printable is a guest's text as it goes into messages, records and logs: what a terminal
// would act on stands there escaped. Line ends and tabs stay.
func Printable(text string) string {
	if !strings.ContainsFunc(text, acts) {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		if acts(c) {
			fmt.Fprintf(&b, `\u{%x}`, c)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// acts reports a character that changes how a terminal shows what follows: the controls
// C0 and C1, those of the direction of writing, the separators of lines, and tags.
func acts(c rune) bool {
	if c == '\n' || c == '\t' {
		return false
	}
	return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || unicode.Is(unicode.Zl, c) || unicode.Is(unicode.Zp, c) ||
		c >= 0xe0000 && c <= 0xe007f
}
