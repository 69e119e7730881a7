package module

import "bytes"

// sound is what a provider or caller has sent as modules get it: without white space
// around it and with U+FFFD for whatever is not UTF-8, so that they need not look.
func sound(text []byte) []byte {
	return bytes.ToValidUTF8(bytes.Trim(text, " \t\r\n"), []byte("\uFFFD"))
}
