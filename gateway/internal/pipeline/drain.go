package pipeline

import (
	"context"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// drainTime bounds the reading of a stream whose caller is gone.
const drainTime = time.Minute

// outlive returns a context that goes on when the caller hangs up after the reply has begun.
func (x *state) outlive(ctx context.Context) context.Context {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { // the server ends ctx with the request
		if !x.begun.Load() {
			cancel()
		}
	})
	return own
}

// abandon ends a reply whose caller is gone. It is read on for as long as others follow it, and
// for its usage if the route says so.
func (x *state) abandon(reply llm.Stream) {
	for x.slot.Wanted() {
		ev, err := reply.Next()
		if err != nil {
			return
		}
		if ev.Final {
			x.attempts.serving.finish(nil)
			return
		}
	}
	if x.route.Drain {
		x.drain(reply)
	}
}

// drain reads a stream whose caller is gone to its end, so that the provider's own count is
// what is charged.
func (x *state) drain(reply llm.Stream) {
	a := x.attempts.serving
	if a == nil { // from the cache
		return
	}
	x.attempts.left = nil // nobody waits for another target's answer
	late := time.AfterFunc(drainTime, func() { a.watch.cancel(&llm.Error{Fault: llm.FaultCanceled, Message: "The caller is gone."}) })
	defer late.Stop()
	for {
		ev, err := reply.Next()
		if err != nil {
			return
		}
		if ev.Final {
			a.finish(nil)
			return
		}
	}
}
