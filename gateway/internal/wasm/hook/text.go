package hook

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxBrief bounds the text that Brief returns, in bytes.
const maxBrief = 200

// Brief returns a module's text for one line of a record: printable, without line breaks, and
// shortened.
func Brief(text string) string {
	if isBrief(text) {
		return text
	}
	text = Printable(strings.Join(strings.Fields(text), " "))
	if len(text) <= maxBrief {
		return text
	}
	cut := maxBrief
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// isBrief reports whether Brief would not change a text, of most in ASCII.
func isBrief(text string) bool {
	before := byte(' ')
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c > '~' || c == ' ' && before == ' ' {
			return false
		}
		before = c
	}
	return len(text) <= maxBrief && (text == "" || before != ' ')
}

// Clip shortens bytes to 2 KiB for a message.
func Clip(b []byte) []byte {
	const most = 2 << 10
	if len(b) <= most {
		return b
	}
	return fmt.Appendf(nil, "%s… (%d bytes)", b[:most], len(b))
}
