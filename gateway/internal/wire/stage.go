package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/bounded"
	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/apierror"
)

// Dialects is the stage of the pipeline that stands between the client's wire format and
// a target's: it makes calls and reads replies. It is safe for concurrent use.
type Dialects struct {
	// Modules translates for targets that do not speak OpenAI's format; nil when
	// there are none.
	Modules Translator
	// Builtin are the dialects of the gateway's own module. Package wire reads the errors of
	// their providers; those of plugins' dialects are read by the plugins.
	Builtin []llm.Dialect
	// MaxReply bounds a plain reply, and one event of a stream, in bytes; zero means
	// 32 MiB.
	MaxReply int64
	// Fetch fetches media that requests name by URL; nil where the gateway may not. MaxBody
	// bounds a request that they were put into, in bytes; zero means 32 MiB.
	Fetch   MediaFetcher
	MaxBody int64
	// Transforms are the plugins that routes name; nil when there are none.
	Transforms map[string]Transform
	// Now is the clock, for providers that name a time to come back at; nil means
	// time.Now.
	Now func() time.Time

	// quirks are what targets, by their ids, have refused.
	quirks bounded.Map[string, llm.Quirks]
}

// errorOf reads a provider's error and classifies it, by its body and by the status and the
// headers of the answer that it came in. Its Body is canonical.
func (d *Dialects) errorOf(a *llm.Answer, body []byte) *llm.Error {
	now := time.Now
	if d.Now != nil {
		now = d.Now
	}
	return apierror.Read(a.Status, a.Header, body, now())
}

// Prepare puts a request into the form in which it goes on to the target, and passes it
// through its route's transforms, which know conversations in the canonical form only. It
// sets x.Sent,
// whose facts say what the request may cost, and x.MaxOutput where a transform has raised
// or removed the bound on output tokens.
func (d *Dialects) Prepare(ctx context.Context, x *llm.Exchange) (err error) {
	x.Sent = x.Request
	if !isTranslated(x.Request.Endpoint) || len(x.Route.Transforms) == 0 && x.Resume == nil && passes(x.Request, x.Target) {
		return nil
	}
	if x.Sent, err = inCanonical(ctx, x.Request); err != nil {
		return err
	}
	if x.Resume != nil && x.Resume.Prefill != "" {
		if x.Sent, err = prefilled(x.Sent, x.Target, x.Resume.Prefill); err != nil {
			return err
		}
	}
	x.Sent, x.MaxOutput, err = d.transformRequest(ctx, x)
	return err
}

// Call puts a prepared request into the target's wire format, without credentials.
func (d *Dialects) Call(ctx context.Context, x *llm.Exchange) (_ llm.Call, err error) {
	x.Dropped = nil // of the try before
	if !passes(x.Sent, x.Target) {
		if x.Sent, err = inCanonical(ctx, x.Sent); err != nil {
			return llm.Call{}, err
		}
	}
	switch {
	case !passes(x.Sent, x.Target):
		call, err := d.translateRequest(ctx, x)
		if err == nil && x.Target.Dialect == llm.Anthropic {
			call.Body = markPrompt(x, call.Body)
		}
		return call, err
	case x.Sent.Form != x.Request.Form: // it is canonical, and its client's was not
		if err := d.withoutExtensions(ctx, x); err != nil {
			return llm.Call{}, err
		}
	}
	return formatOf(x.Sent).call(d, x)
}

// Read turns a provider's answer into events, passed through the route's transforms:
// in the form of the request as it was sent, or in the canonical form where that was
// translated. Read owns the answer's body: on an error it is closed, otherwise the Stream
// closes it. Errors are *llm.Error with their Fault.
func (d *Dialects) Read(ctx context.Context, x *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	if succeeded(a) && x.Quirks != 0 {
		d.quirks.Update(x.Target.ID, func(known llm.Quirks) llm.Quirks { return known.With(x.Quirks) })
	}
	return formatOf(x.Sent).read(d, ctx, x, a)
}

// succeeded reports whether an answer's status is that of a success.
func succeeded(a *llm.Answer) bool { return a.Status >= 200 && a.Status <= 299 }

func (d *Dialects) maxReply() int64 {
	if d.MaxReply > 0 {
		return d.MaxReply
	}
	return 32 << 20
}

// maxEvent bounds one event of a stream, in bytes: it may be as large as a whole reply.
func (d *Dialects) maxEvent() int { return int(d.maxReply()) }

// broken is the error of a reply that could not be read to its end. The reader of
// the connection has usually given the reason.
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

// body reads a plain reply or an error to its end, without a byte order mark.
func (d *Dialects) body(x *llm.Exchange, a *llm.Answer) ([]byte, error) {
	body, err := readAll(a, d.maxReply(), x.Request.Hold)
	if err != nil {
		return nil, d.broken(err)
	}
	return bytes.TrimPrefix(body, byteOrderMark), nil
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
