package wasm

import (
	"bytes"
	"unicode/utf8"
)

// sound is what a provider or caller has sent as modules get it: without white space
// around it and with U+FFFD for whatever is not UTF-8, so that they need not look.
func sound(text []byte) []byte {
	text = bytes.Trim(text, " \t\r\n")
	if utf8.Valid(text) { // several times as fast as mending
		return text
	}
	return bytes.ToValidUTF8(text, []byte("\uFFFD"))
}
