package wire

import (
	"context"
	"io"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Replay turns a reply that was given to another request into events for the client of req.
// They are the same events where that request had asked for it in the same way. Otherwise the
// reply is read as the answer of a target that speaks its format, so that whatever is done
// for such an answer is done for it: it is translated, joined or split. t is the target that
// gave the reply; nil if that is not known any more.
//
// Replay closes the stored reply: on an error at once, otherwise with the stream. It returns
// once it has all of a reply that the client wants whole.
func (d *Dialects) Replay(ctx context.Context, req *llm.Request, t *llm.Target, stored *llm.StoredReply) (llm.Stream, error) {
	if stored.AsItIs || !isShared(req.Endpoint) {
		return stored, nil
	}
	target := llm.Target{ID: stored.Target}
	if t != nil {
		target = *t
	}
	target.Dialect, target.Also = llm.OpenAI, nil
	if stored.Dialect != "" {
		target.Dialect = stored.Dialect
	}
	sent := *req
	sent.Form, sent.Canonical = "", nil
	x := &llm.Exchange{Request: req, Route: &llm.Route{}, Target: &target, Sent: &sent}
	return readChat(d, ctx, x, answerOf(stored))
}

// isShared reports whether an endpoint has replies that are given in several formats.
func isShared(e llm.Endpoint) bool { return e == "" || e == llm.ChatCompletions }

// answerOf returns a stored reply as the answer of a target.
func answerOf(stored *llm.StoredReply) *llm.Answer {
	kind := "application/json"
	if stored.Streamed {
		kind = eventStream
	}
	return &llm.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {kind}}, Body: &storedBody{reply: stored}}
}

// storedBody reads the frames of a stored reply one after the other.
type storedBody struct {
	reply *llm.StoredReply
	// rest is what has not been read of the last frame.
	rest []byte
	// begun says that an event has been read, of format dialect.
	begun   bool
	dialect llm.Dialect
	err     error
}

// Read implements io.Reader.
func (b *storedBody) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		b.rest, b.err = b.next()
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// next returns the next frame, and what follows it if that is known. A reply that goes on in
// another format can't be read on: its target broke off, and another one took over.
func (b *storedBody) next() (frame []byte, after error) {
	ev, err := b.reply.Next()
	switch {
	case err != nil:
		return nil, err
	case b.begun && ev.Dialect != b.dialect && len(ev.Frame) > 0 && ev.Frame[0] != ':', ev.Repeated:
		return nil, cut()
	}
	if len(ev.Data) > 0 {
		b.begun, b.dialect = true, ev.Dialect
	}
	if ev.Final {
		after = io.EOF
	}
	return ev.Frame, after
}

// Close implements io.Closer.
func (b *storedBody) Close() error { return b.reply.Close() }
