package dialect

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

// comesAsStream reports whether an answer is read as a stream. One object that is labelled
// so, as some servers send errors, is not.
func comesAsStream(a *llm.Answer) bool {
	if isStream(a) {
		return string(peek(a, 1)) != "{"
	}
	return isUnlabelledStream(a)
}

// isUnlabelledStream reports whether an answer whose label says nothing begins like an
// event stream.
func isUnlabelledStream(a *llm.Answer) bool {
	switch mediaType(a) {
	case "", "text/plain", "application/octet-stream", "binary/octet-stream":
	default:
		return false
	}
	start := peek(a, len("event:"))
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
