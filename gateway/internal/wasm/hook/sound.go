package hook

import (
	"bytes"
	"unicode/utf8"
)

// Clean is what a provider or caller has sent as modules get it: without white space
// around it and with U+FFFD for whatever is not UTF-8, so that they need not look.
func Clean(text []byte) []byte {
	text = bytes.Trim(text, " \t\r\n")
	if utf8.Valid(text) { // several times as fast as mending
		return text
	}
	return bytes.ToValidUTF8(text, []byte("\uFFFD"))
}
