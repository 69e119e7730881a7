package pipeline

import (
	"context"
	"errors"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// relay sends the reply to the caller, event by event. The request is concluded before the
// last one: a caller who has the whole answer can rely on its being recorded.
func (x *state) relay(ctx context.Context, reply llm.Stream, w sink) error {
	w, stop := x.queued(w) // a slow caller holds up nobody else
	defer stop()
	started := false
	for {
		ev, err := reply.Next()
		switch {
		case err != nil:
			return interrupted(ctx, err)
		case ev.Hidden && !started:
			continue
		}
		x.keepReply(ev)
		if !started {
			x.record.FirstByte = x.since()
		}
		if ev.Final {
			x.complete(ctx)
		}
		if !started {
			started = true
			x.begun.Store(true)
			if err := w.Start(x.head()); err != nil {
				return err
			}
		}
		if err := w.Event(ev); err != nil || ev.Final {
			if err != nil && !ev.Final {
				x.abandon(reply)
			}
			return err
		}
	}
}

// complete concludes a request whose reply is whole.
func (x *state) complete(ctx context.Context) {
	if a := x.attempts.serving; a != nil {
		a.finish(nil)
	}
	x.conclude(ctx)
}

// interrupted is the caller's error when a reply breaks off. It must not look like the
// provider's refusal of a request that was never answered.
func interrupted(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	e := *llm.AsError(err)
	e.Body, e.Retried = nil, true
	if e.Fault == llm.FaultCut || e.Fault == llm.FaultNetwork {
		e.Code = llm.CodeStreamCut
	}
	if e.Status < 500 && e.Fault != llm.FaultOverrun { // whose status is the limit's
		e.Status = http.StatusBadGateway
	}
	return &e
}
