package pipeline

import (
	"context"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// runHedged carries out an attempt as run does. Where the route hedges and the target does
// not begin in time, the next target is asked beside it, and the answer that begins first
// counts. The error is that of the target that was asked first.
func (s *attempts) runHedged(ctx context.Context, a *attempt) (llm.Stream, error) {
	if s.route.Hedge == (llm.Hedge{}) || len(s.left) == 0 || len(s.made) > 0 {
		return s.run(ctx, a)
	}
	delay := s.route.Hedge.Delay(s.Health.Stats(a.target.ID))
	if err := s.start(ctx, a); err != nil {
		return nil, err
	}
	s.changed()
	h := &hedging{attempts: s, ctx: ctx, finished: make(chan finishedAttempt, 2)}
	h.launch(a)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case first := <-h.finished:
		return h.choose(first.rethrow())
	case <-timer.C:
		h.addSecond()
	}
	return h.choose(h.next())
}

// hedging is a slow attempt and the one that is made beside it. Only its own goroutine touches
// an attempt until it has finished; all of them are waited for.
type hedging struct {
	*attempts
	ctx      context.Context
	finished chan finishedAttempt
	running  []*attempt
}

// finishedAttempt is an attempt whose target has begun to answer, or has failed.
type finishedAttempt struct {
	attempt *attempt
	reply   llm.Stream
	err     error
	// panicked is what a panic was called with.
	panicked any
}

// next waits for another attempt to finish.
func (h *hedging) next() finishedAttempt {
	f := <-h.finished
	return f.rethrow()
}

// rethrow panics in the request's goroutine if the attempt did in its own: there it is
// recovered.
func (f finishedAttempt) rethrow() finishedAttempt {
	if f.panicked != nil {
		panic(f.panicked)
	}
	return f
}

// launch carries out an attempt that has been counted in.
func (h *hedging) launch(a *attempt) {
	h.running = append(h.running, a)
	go func() {
		f := finishedAttempt{attempt: a}
		defer func() {
			f.panicked = recover()
			h.finished <- f
		}()
		if f.err = a.prepare(); f.err == nil {
			f.reply, f.err = a.send()
		}
	}()
}

// addSecond asks the next target, unless it may not be asked or retries are used up.
func (h *hedging) addSecond() {
	if !h.mayRetry() {
		return
	}
	a := h.attempt(task{target: h.left[0].Target, try: 1, hedge: true, replaceable: h.replaceable(h.left[1:])})
	if h.start(h.ctx, a) != nil {
		return
	}
	h.left = h.left[1:]
	h.launch(a)
}

// choose takes the answer of the attempt that finished first, or else that of the other one.
func (h *hedging) choose(first finishedAttempt) (llm.Stream, error) {
	if len(h.running) == 1 {
		return h.end(h.ctx, first.attempt, first.reply, first.err)
	}
	if first.err == nil {
		h.cancelOther(first.attempt)
		return h.end(h.ctx, first.attempt, first.reply, nil)
	}
	_, failed := h.end(h.ctx, first.attempt, nil, first.err)
	second := h.next()
	reply, err := h.end(h.ctx, second.attempt, second.reply, second.err)
	if err == nil {
		first.attempt.reserved.release(h.ctx)
		return reply, nil
	}
	h.running[0].reserved.release(h.ctx) // the other one's goes on to the next attempt
	if first.attempt == h.running[0] {
		err = failed
	}
	return nil, err
}

// cancelOther ends the attempt that did not answer first. What its target has done by then is
// paid.
func (h *hedging) cancelOther(serving *attempt) {
	for _, a := range h.running {
		if a == serving {
			continue
		}
		a.overtaken = true
		a.watch.cancel(&llm.Error{Code: llm.CodeUpstream, Status: 502, Fault: llm.FaultCanceled, Message: "Another target began to answer first."})
		if f := h.next(); f.err != nil {
			_ = a.fail(h.ctx, f.err)
		} else {
			a.finish(&llm.Error{Fault: llm.FaultCanceled, Message: "Another target began to answer first."})
			f.reply.Close()
		}
		ctx, done := context.WithTimeout(context.WithoutCancel(h.ctx), concludeTime)
		a.charges = a.settle(ctx)
		done()
	}
}
