// Package dialect stands between the client's wire format and a target's. Where
// both speak the same one, bytes pass through with only the few fields patched that
// must differ; otherwise a Wasm module translates by way of the canonical form.
//
// It reads replies only as far as the gateway must: usage, finish reason, errors,
// and whether the reply is whole. It sends nothing and decides nothing about
// retries.
package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/bounded"
	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Dialects translates calls and replies. It is safe for concurrent use.
type Dialects struct {
	// Modules translates for targets that do not speak OpenAI's format; nil when
	// there are none.
	Modules Translator
	// ErrorOf reads a provider's error reply in OpenAI's format, or something like
	// it, and classifies it.
	ErrorOf func(status int, header http.Header, body []byte) *llm.Error
	// MaxReply bounds a plain reply, and one event of a stream, in bytes; zero means
	// 32 MiB.
	MaxReply int64
	// Transforms are the plugins that routes name; nil when there are none.
	Transforms map[string]Transform
	// Scan reads the facts of a request that a transform has changed, or says what is
	// wrong with it. It is needed where there are Transforms.
	Scan func(body []byte) (llm.Facts, error)

	// quirks are what targets, by their ids, have refused.
	quirks bounded.Map[string, llm.Quirks]
}

// Prepare passes a request through its route's transforms. It sets x.Sent, whose facts say
// what the request may cost, and x.MaxOutput where a transform has raised or removed the
// bound on output tokens.
func (d *Dialects) Prepare(ctx context.Context, x *llm.Exchange) (err error) {
	x.Sent, x.MaxOutput, err = d.transformRequest(ctx, x)
	return err
}

// Call puts a prepared request into the target's wire format, without credentials.
func (d *Dialects) Call(ctx context.Context, x *llm.Exchange) (llm.Call, error) {
	if x.Target.Dialect == llm.OpenAI {
		known, _ := d.quirks.Get(x.Target.ID)
		x.Quirks, x.Added = known.With(x.Quirks), 0
		return llm.Call{Path: "/chat/completions", Body: patched(x), Stream: x.Sent.Facts.Stream}, nil
	}
	return d.translateRequest(ctx, x)
}

// Read turns a provider's answer into events in the client's format, passed through
// the route's transforms. A stream that nobody asked for is joined into one completion,
// and a completion in place of a stream is split into chunks. Read owns the answer's
// body: on an error it is closed, otherwise the Stream closes it. Errors are *llm.Error
// with their Fault.
func (d *Dialects) Read(ctx context.Context, x *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	if a.Status >= 200 && a.Status <= 299 && x.Quirks != 0 {
		d.quirks.Update(x.Target.ID, func(known llm.Quirks) llm.Quirks { return known.With(x.Quirks) })
	}
	if a.Status < 200 || a.Status > 299 || !comesAsStream(a) {
		return d.readWhole(ctx, x, a)
	}
	s, err := d.events(ctx, x, a)
	switch {
	case err != nil:
		return nil, err
	case !x.Request.Facts.Stream:
		return d.joined(ctx, x, a, s)
	}
	return d.transformEvents(ctx, x, s)
}

// events is a provider's stream in the canonical form.
func (d *Dialects) events(ctx context.Context, x *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	if x.Target.Dialect == llm.OpenAI {
		return newFrames(d, x, a), nil
	}
	return d.translateEvents(ctx, x, a)
}

// readWhole reads a plain reply or an error to its end.
func (d *Dialects) readWhole(ctx context.Context, x *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	defer a.Body.Close()
	body, err := readAll(a, d.maxReply(), x.Request.Hold)
	if err != nil {
		return nil, d.broken(err)
	}
	body = bytes.TrimPrefix(body, byteOrderMark)
	if a.Status > 299 || a.Status < 200 {
		return nil, d.refusal(ctx, x, a, body)
	}
	if x.Target.Dialect != llm.OpenAI {
		if c, ok := readChunk(body); ok && c.failed && builtIn(x.Target.Dialect) {
			return nil, d.ErrorOf(a.Status, a.Header, body)
		}
		body, err = d.translateResponse(ctx, x, a, body)
		if err != nil {
			return nil, d.readByPlugin(a, err)
		}
	}
	return d.whole(ctx, x, a, body)
}

// whole checks that a body is a whole completion and makes a stream of it. What it says
// of usage is the provider's, whatever transforms make of it.
func (d *Dialects) whole(ctx context.Context, x *llm.Exchange, a *llm.Answer, body []byte) (llm.Stream, error) {
	c, ok := readChunk(body)
	switch {
	case ok && c.failed || isErrorList(body):
		return nil, d.ErrorOf(a.Status, a.Header, c.failure(body))
	case !ok || !c.choices || c.wild:
		return nil, malformed("something that is not a chat completion", nil)
	case !c.produced().content && c.finished.count() == 0:
		return nil, malformed("a chat completion without an answer in it", nil)
	case c.pending:
		return nil, cut()
	}
	if found := c.deviations &^ withoutDelta; found != 0 {
		m := mender{request: x.Request.ID}
		body = m.chunk(body, found)
	}
	if x.Request.Facts.Stream {
		return d.transformEvents(ctx, x, newSplit(body, x.Request.Facts.IncludeUsage, infoOf(&c, boundsOf(x))))
	}
	changed, err := d.transformResponse(ctx, x, a.Status, body)
	if err != nil {
		return nil, err
	}
	return &plain{body: changed, info: infoOf(&c, boundsOf(x))}, nil
}

func (d *Dialects) maxReply() int64 {
	if d.MaxReply > 0 {
		return d.MaxReply
	}
	return 32 << 20
}

// maxEvent bounds one event of a stream, in bytes: it may be as large as a whole reply.
func (d *Dialects) maxEvent() int { return int(d.maxReply()) }

// broken is the error of a reply that could not be read to its end. The reader of
// the connection has usually said what happened.
func (d *Dialects) broken(err error) error {
	var e *llm.Error
	switch {
	case errors.As(err, &e): // of the connection's reader, or of who counts memory
		return e
	case errors.Is(err, errTooLarge):
		return d.tooLarge("reply", err)
	case errors.Is(err, framing.ErrTooLong):
		return d.tooLarge("stream holds an event that", err)
	}
	return &llm.Error{Code: llm.CodeStreamCut, Status: http.StatusBadGateway, Fault: llm.FaultCut, Err: err,
		Message: "The provider's reply broke off before its end."}
}

// tooLarge is the error of a reply that the gateway does not take. Asking for it again
// would only cost again.
func (d *Dialects) tooLarge(what string, err error) error {
	return &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultTooLarge, Err: err,
		Message: fmt.Sprintf("The provider's %s is larger than %d bytes (server.max_reply).", what, d.maxReply())}
}

func malformed(what string, err error) error {
	return &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultMalformed, Err: err,
		Message: "The provider sent " + what + "."}
}

// firstRead is how much room a body of unknown length gets at first, mostAtOnce how
// much one gets on its headers' word; in bytes.
const (
	firstRead  = 4 << 10
	mostAtOnce = 64 << 10
)

// readAll reads a body of at most limit bytes. What it needs beyond what a header may
// claim is counted by hold, unless that is nil.
func readAll(a *llm.Answer, limit int64, hold func(int64) error) ([]byte, error) {
	size, err := strconv.Atoi(a.Header.Get("Content-Length"))
	if err != nil || size < 0 {
		size = firstRead
	}
	buf := make([]byte, 0, min(size, mostAtOnce)+1) // one more: room to see the end
	for {
		n, err := a.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, err
		case int64(len(buf)) > limit:
			return nil, errTooLarge
		case len(buf) == cap(buf):
			before := cap(buf)
			buf = append(buf, 0)[:len(buf)]
			if hold != nil {
				if err := hold(int64(cap(buf) - before)); err != nil {
					return nil, err
				}
			}
		}
	}
}
