package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Format is a wire format of callers that the gateway does not know itself. Its errors
// are *llm.Error.
type Format interface {
	// Accept gives the canonical request.
	Accept(ctx context.Context, in Incoming) ([]byte, error)
	// Render puts a whole reply, or an error, into the format.
	Render(ctx context.Context, out Outgoing) (Rendered, error)
	// Stream opens a streamed reply.
	Stream(ctx context.Context, out Outgoing) (Frames, error)
	// Close lets the format go once the exchange is over.
	Close()
}

// Frames puts a stream of canonical chunks into a caller's format. What it returns is
// valid until the next call.
type Frames interface {
	// Next renders a chunk, or {"error":{…}}.
	Next(ctx context.Context, chunk []byte) ([]byte, error)
	// End gives what is left to say once the stream is complete.
	End(ctx context.Context) ([]byte, error)
	Close()
}

// Incoming is a request as it came. The query has no keys in it.
type Incoming struct {
	RequestID, Path, Query string
	Header                 http.Header
	Body                   []byte
}

// Outgoing is a reply in the canonical form: a completion or {"error":{…}}, or the
// beginning of a stream, which has no body.
type Outgoing struct {
	RequestID string
	Created   time.Time
	Status    int
	Body      []byte
}

// Rendered is a reply in the caller's format.
type Rendered struct {
	Status int
	Header http.Header
	Body   []byte
}

// Endpoint is a path at which callers speak a format.
type Endpoint struct {
	Dialect llm.Dialect
	// StreamType is the Content-Type of streamed replies.
	StreamType string
	Format
}

// canonical gives the canonical form of what an endpoint's caller sent, and counts it
// instead of what was sent.
func (x *exchange) canonical(sent []byte) ([]byte, error) {
	body, err := x.accept(sent)
	if err != nil {
		return nil, err
	}
	if err := x.hold(int64(len(body))); err != nil {
		return nil, err
	}
	x.free(x.heldBytes - int64(len(body)))
	return body, nil
}

func (x *exchange) accept(body []byte) ([]byte, error) {
	return x.endpoint.Accept(x.r.Context(), Incoming{RequestID: x.id, Path: x.r.URL.Path, Query: withoutKeys(x.r.URL.RawQuery),
		Header: x.r.Header, Body: body})
}

// misread says of what is wrong with a body that it is not the one that was sent.
func (x *exchange) misread(err error) error {
	if x.endpoint == nil {
		return err
	}
	e := *llm.AsError(err)
	e.Message = "In the canonical form of this request: " + e.Message
	return &e
}

// withoutKeys is a query without what may be a credential.
func withoutKeys(query string) string {
	parts := strings.Split(query, "&")
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool {
		name, _, _ := strings.Cut(strings.ToLower(part), "=")
		return strings.Contains(name, "key") || strings.Contains(name, "token") || strings.Contains(name, "%")
	}), "&")
}

// outgoing is a reply or error on its way to an endpoint's caller.
func (x *exchange) outgoing(status int, body []byte) Outgoing {
	return Outgoing{RequestID: x.id, Created: x.received, Status: status, Body: body}
}

// rendering is the Writer for an endpoint's caller.
type rendering struct {
	x *exchange
	// frames is nil unless the reply is a stream.
	frames Frames
}

var _ Writer = (*rendering)(nil)

// Start implements Writer.
func (w *rendering) Start(h llm.Head) (err error) {
	if h.Stream {
		if w.frames, err = w.x.endpoint.Stream(w.x.r.Context(), w.x.outgoing(h.Status, nil)); err != nil {
			return err
		}
	}
	return w.x.reply.Start(h)
}

// Event implements Writer.
func (w *rendering) Event(e llm.Event) (err error) {
	ctx := w.x.r.Context()
	switch {
	case w.frames == nil && e.Final:
		err = w.whole(ctx, &e)
	case e.Final:
		e.Frame, err = w.frames.End(ctx)
	case e.Hidden || len(e.Data) == 0:
		e.Frame = nil
	default:
		e.Frame, err = w.frames.Next(ctx, e.Data)
	}
	if err != nil {
		return err
	}
	e.Hidden, e.Data = false, nil
	return w.x.reply.Event(e)
}

// KeepAlive implements Writer.
func (w *rendering) KeepAlive(h llm.Head) (bool, error) {
	if !h.Stream || !w.x.isEventStream() {
		return false, nil
	}
	if w.frames == nil {
		if err := w.Start(h); err != nil {
			return false, err
		}
	}
	return w.x.reply.KeepAlive(h)
}

// isEventStream reports whether streams to this caller are Server-Sent Events, in which
// there may be comments.
func (x *exchange) isEventStream() bool {
	if x.endpoint == nil {
		return true
	}
	kind, _, _ := strings.Cut(x.endpoint.StreamType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
}

// whole renders the one event of a plain reply.
func (w *rendering) whole(ctx context.Context, e *llm.Event) error {
	reply := &w.x.reply
	r, err := w.x.endpoint.Render(ctx, w.x.outgoing(max(reply.head.Status, http.StatusOK), e.Data))
	if err != nil {
		return err
	}
	reply.head.Status = r.Status
	for name, values := range r.Header {
		reply.head.Header[name] = values
	}
	e.Frame = r.Body
	return nil
}

// refusal is an error reply in the format of the endpoint's caller. A format that fails
// in this, too, leaves the canonical form.
func (x *exchange) refusal(status int, body []byte) Rendered {
	canonical := Rendered{Status: status, Body: body}
	if x.endpoint == nil {
		return canonical
	}
	ctx, stop := x.lastWord()
	defer stop()
	r, err := x.endpoint.Render(ctx, x.outgoing(status, body))
	if err != nil {
		x.log(llm.AsError(err))
		return canonical
	}
	return r
}

// breaking is what ends a stream that broke.
func (x *exchange) breaking(e *llm.Error) []byte {
	if x.rendering == nil || x.rendering.frames == nil {
		return streamError(x.dialect, e)
	}
	ctx, stop := x.lastWord()
	defer stop()
	frame, err := x.rendering.frames.Next(ctx, errorObject(x.dialect, e))
	if err != nil {
		x.log(llm.AsError(err))
		return streamError(x.dialect, e)
	}
	return frame
}

// lastWord is for what has to be said even if the caller's own time is over.
func (x *exchange) lastWord() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(x.r.Context()), time.Second)
}
