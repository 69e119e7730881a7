package wire

import (
	"bytes"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// wrongData says what is wrong with a JSON string that is a base64 data: URL; empty for
// nothing, and for every other string. White space and the alphabet for URLs are let through:
// some providers take them.
func wrongData(raw []byte) string {
	inside := raw[1 : len(raw)-1]
	if len(inside) < len("data:") || !bytes.EqualFold(inside[:len("data:")], []byte("data:")) {
		return ""
	}
	if bytes.IndexByte(inside, '\\') >= 0 { // PHP escapes every slash
		text, _ := jsontext.Unquote(raw)
		inside = []byte(text)
	}
	head, data, ok := bytes.Cut(inside, []byte(","))
	if !ok || !bytes.HasSuffix(bytes.ToLower(bytes.TrimSpace(head)), []byte(";base64")) {
		return ""
	}
	digits := 0
	data = bytes.TrimRight(data, "= \r\n\t")
	for _, c := range data {
		switch {
		case isBase64[c]:
			digits++
		case c != ' ' && c != '\n' && c != '\r' && c != '\t':
			return "the data of the data: URL is not base64"
		}
	}
	switch {
	case digits == 0:
		return "the data: URL holds no data"
	case digits%4 == 1:
		return "the data of the data: URL is not base64: it is cut off"
	}
	return ""
}

// isBase64 tells the digits of base64, of both alphabets.
var isBase64 = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") {
		is[c] = true
	}
	return is
}()
