package hook

import (
	"bytes"
	"unicode/utf8"
)

// Clean returns what a provider or caller has sent in the form that modules are promised:
// without white space around it, and with U+FFFD for bytes that are not UTF-8.
func Clean(text []byte) []byte {
	text = bytes.Trim(text, " \t\r\n")
	if utf8.Valid(text) { // several times as fast as ToValidUTF8
		return text
	}
	return bytes.ToValidUTF8(text, []byte("\uFFFD"))
}
