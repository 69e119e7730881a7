package wire

import (
	"bytes"
	"io"
	"strings"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// mediaType is an answer's media type in lower case, without parameters.
func mediaType(a *llm.Answer) string {
	kind, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// byteOrderMark begins the text of some servers. It is no part of it.
var byteOrderMark = []byte("\xef\xbb\xbf")

// framingOf returns how an answer is divided into events, and reports whether it is a
// stream at all: by its beginning, since some servers label streams as JSON, others errors
// as streams, and others nothing. Only where a stream was asked for is a list one.
func framingOf(a *llm.Answer, asked bool) (framing.Kind, bool) {
	start := bytes.TrimPrefix(peek(a, len(byteOrderMark)+len("event:")), byteOrderMark)
	kind := mediaType(a)
	if kind == "text/event-stream" {
		return framing.SSE, !bytes.HasPrefix(start, []byte("{"))
	}
	for _, field := range [...]string{"data:", "event:", "id:", "retry:", ":"} {
		if bytes.HasPrefix(start, []byte(field)) {
			return framing.SSE, true
		}
	}
	switch kind {
	case "application/x-ndjson", "application/jsonl", "application/x-jsonlines":
		return framing.Lines, true
	}
	return framing.Array, asked && bytes.HasPrefix(start, []byte("["))
}

// comesAsEvents reports whether an answer is a stream of Server-Sent Events.
func comesAsEvents(a *llm.Answer) bool {
	kind, stream := framingOf(a, false)
	return stream && kind == framing.SSE
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
