package wire

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// rendering is the reply of one exchange on its way through a client's module.
type rendering struct {
	module    ClientModule
	requestID string
	created   time.Time
	// context returns what the module wants to see again of the request; nil when there is no
	// request.
	context func(ctx context.Context) ([]byte, error)
	// frames is the stream under way; nil without one.
	frames Frames
}

// outgoing is a reply or error on its way to the client.
func (r *rendering) outgoing(status int, body []byte) Outgoing {
	return Outgoing{RequestID: r.requestID, Created: r.created, Status: status, Body: body}
}

// answer is a reply to a request that the module has translated.
func (r *rendering) answer(ctx context.Context, status int, body []byte) (out Outgoing, err error) {
	out = r.outgoing(status, body)
	if r.context != nil {
		out.Context, err = r.context(ctx)
	}
	return out, err
}

// stream returns the stream under way, or opens it.
func (r *rendering) stream(ctx context.Context, status int) (_ Frames, err error) {
	if r.frames != nil {
		return r.frames, nil
	}
	out, err := r.answer(ctx, status, nil)
	if err != nil {
		return nil, err
	}
	r.frames, err = r.module.Stream(ctx, out)
	return r.frames, err
}

// close ends the stream and releases the module. It may be called twice.
func (r *rendering) close() {
	if r.frames != nil {
		r.frames.Close()
		r.frames = nil
	}
	if r.module != nil {
		r.module.Close()
		r.module = nil
	}
}

// renderer is a Writer that renders canonical events. Which events a reply has is known from
// the first one, so the reply is not started before it.
type renderer struct {
	*rendering
	ctx context.Context // of the exchange, as this value is
	out llm.Writer
	// native is the wire format of events that pass as they are; empty for none.
	native llm.Dialect
	// comments says that streams may have comments.
	comments bool
	head     llm.Head
	// continued joins the module's frames to those that passed as they were; nil when no other
	// target may go on with the reply, or all frames are the module's.
	continued *continuation
	// started says that the reply has been started, be it by a comment.
	started bool
}

// Start implements llm.Writer.
func (w *renderer) Start(h llm.Head) error {
	w.setHead(h)
	return nil
}

// setHead sets what the reply begins with.
func (w *renderer) setHead(h llm.Head) {
	w.head = h
	if w.continued == nil && h.Resumable && w.native != "" {
		w.continued = newContinuation(w.native)
	}
}

// Event implements llm.Writer.
func (w *renderer) Event(e llm.Event) error {
	switch native := w.native != "" && e.Dialect == w.native; {
	case e.Repeated:
		return w.resume(e.Data)
	case native && w.continued != nil:
		w.continued.note(&e)
	case !native && !w.isComment(&e):
		if err := w.render(&e); err != nil {
			return err
		}
	}
	if !w.started {
		w.started = true
		if err := w.out.Start(w.head); err != nil {
			return err
		}
	}
	return w.out.Event(e)
}

// isComment reports whether an event is a provider's comment, which streams of any format may
// have.
func (w *renderer) isComment(e *llm.Event) bool {
	return w.comments && w.head.Stream && !e.Final && !e.Hidden && len(e.Data) == 0 && len(e.Frame) > 0 && e.Frame[0] == ':'
}

// render puts an event into the client's format.
func (w *renderer) render(e *llm.Event) error {
	switch {
	case !w.head.Stream:
		return w.renderWhole(e)
	case !e.Final && (e.Hidden || len(e.Data) == 0): // nothing to open the stream for
		e.Frame, e.Hidden, e.Data = nil, false, nil
		return nil
	}
	frames, err := w.stream(w.ctx, w.head.Status)
	switch {
	case err != nil:
		return err
	case e.Final:
		e.Frame, err = frames.End(w.ctx)
	default:
		e.Frame, err = frames.Next(w.ctx, e.Data)
	}
	e.Hidden, e.Data = false, nil
	if err == nil && w.continued != nil && w.continued.joined {
		e.Frame, err = w.continued.join(e.Frame)
	}
	return err
}

// resume has the module render the text that was sent without it, so that it goes on from
// there. Nothing of that is sent.
func (w *renderer) resume(chunk []byte) error {
	if w.continued == nil || w.continued.joined {
		return nil
	}
	frames, err := w.stream(w.ctx, w.head.Status)
	if err != nil {
		return err
	}
	made, err := frames.Next(w.ctx, chunk)
	if err != nil {
		return err
	}
	return w.continued.begin(made)
}

// renderWhole renders the one event of a plain reply, which may change its status and
// headers.
func (w *renderer) renderWhole(e *llm.Event) error {
	out, err := w.answer(w.ctx, max(w.head.Status, http.StatusOK), e.Data)
	if err != nil {
		return err
	}
	r, err := w.module.Render(w.ctx, out)
	if err != nil {
		return err
	}
	w.head.Status = r.Status
	for name, values := range r.Header {
		w.head.Header[name] = values
	}
	e.Frame, e.Data, e.Hidden = r.Body, nil, false
	return nil
}

// KeepAlive implements llm.Writer.
func (w *renderer) KeepAlive(h llm.Head) (sent bool, err error) {
	if !h.Stream || !w.comments {
		return false, nil
	}
	if !w.started {
		w.setHead(h)
	}
	sent, err = w.out.KeepAlive(h)
	w.started = w.started || sent
	return sent, err
}

// detached is for what is sent even if the client's own time is over.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), time.Second)
}

// isEventStream reports whether streams of a Content-Type are Server-Sent Events, in which
// there may be comments.
func isEventStream(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
}
