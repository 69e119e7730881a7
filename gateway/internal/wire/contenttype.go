package wire

import (
	"bytes"
	"io"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// mediaType is an answer's media type in lower case, without parameters.
func mediaType(a *llm.Answer) string {
	kind, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// isStream reports whether an answer is an event stream. Media types ignore case.
func isStream(a *llm.Answer) bool { return mediaType(a) == "text/event-stream" }

// byteOrderMark begins the text of some servers. It is no part of it.
var byteOrderMark = []byte("\xef\xbb\xbf")

// comesAsStream reports whether an answer is read as a stream: by its beginning, since
// some servers label streams as JSON, others errors as streams, and others nothing.
func comesAsStream(a *llm.Answer) bool {
	start := bytes.TrimPrefix(peek(a, len(byteOrderMark)+len("event:")), byteOrderMark)
	if isStream(a) {
		return !bytes.HasPrefix(start, []byte("{"))
	}
	for _, field := range [...]string{"data:", "event:", "id:", "retry:", ":"} {
		if bytes.HasPrefix(start, []byte(field)) {
			return true
		}
	}
	return false
}

// peek reads the first bytes of an answer's body and leaves them there.
func peek(a *llm.Answer, n int) []byte {
	start := make([]byte, n)
	n, err := io.ReadFull(a.Body, start)
	start = start[:n]
	rest := io.Reader(a.Body)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		rest = failing{err}
	}
	a.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), rest), a.Body}
	return start
}

// failing is a source that has failed.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) { return 0, f.err }
