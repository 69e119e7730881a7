package hook

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// reasonBytes bounds the router's own words.
const reasonBytes = 200

// Brief is text fit for one line of a record.
func Brief(text string) string {
	text = Printable(strings.Join(strings.Fields(text), " "))
	if len(text) <= reasonBytes {
		return text
	}
	cut := reasonBytes
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// Clip keeps messages readable.
func Clip(b []byte) []byte {
	const most = 2 << 10
	if len(b) <= most {
		return b
	}
	return fmt.Appendf(nil, "%s… (%d bytes)", b[:most], len(b))
}
