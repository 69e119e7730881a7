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
	delay := s.route.Hedge.Delay(s.Health.Stats(a.target.ID))
	if delay <= 0 || len(s.left) == 0 || len(s.made) > 0 {
		return s.run(ctx, a)
	}
	if err := s.start(ctx, a); err != nil {
		return nil, err
	}
	s.changed()
	r := &race{attempts: s, ctx: ctx, finished: make(chan finisher, 2)}
	r.enter(a)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case first := <-r.finished:
		return r.judge(first.rethrow())
	case <-timer.C:
		r.hedge()
	}
	return r.judge(r.next())
}

// race is a slow attempt and the one that is made beside it. Only its own goroutine touches
// an attempt until it has finished; all of them are waited for.
type race struct {
	*attempts
	ctx      context.Context
	finished chan finisher
	running  []*attempt
}

// finisher is an attempt whose target has begun to answer, or has failed.
type finisher struct {
	attempt *attempt
	reply   llm.Stream
	err     error
	// panicked is what a panic was called with.
	panicked any
}

// next waits for another attempt to finish.
func (r *race) next() finisher {
	f := <-r.finished
	return f.rethrow()
}

// rethrow panics in the request's goroutine if the attempt did in its own: there it is
// recovered.
func (f finisher) rethrow() finisher {
	if f.panicked != nil {
		panic(f.panicked)
	}
	return f
}

// enter carries out an attempt that has been counted in.
func (r *race) enter(a *attempt) {
	r.running = append(r.running, a)
	go func() {
		f := finisher{attempt: a}
		defer func() {
			f.panicked = recover()
			r.finished <- f
		}()
		if f.err = a.prepare(); f.err == nil {
			f.reply, f.err = a.send()
		}
	}()
}

// hedge asks the next target, unless it may not be asked or retries are used up.
func (r *race) hedge() {
	next := r.left[0].Target
	if next.ID == r.running[0].target.ID || !r.mayRetry() {
		return
	}
	a := r.attempt(task{target: next, try: 1, hedge: true, replaceable: r.replaceable(r.left[1:])})
	if r.start(r.ctx, a) != nil {
		return
	}
	r.left = r.left[1:]
	r.enter(a)
}

// judge takes the answer of the attempt that finished first, or else that of the other one.
func (r *race) judge(first finisher) (llm.Stream, error) {
	if len(r.running) == 1 {
		return r.end(r.ctx, first.attempt, first.reply, first.err)
	}
	if first.err == nil {
		r.stop(first.attempt)
		return r.end(r.ctx, first.attempt, first.reply, nil)
	}
	_, failed := r.end(r.ctx, first.attempt, nil, first.err)
	second := r.next()
	reply, err := r.end(r.ctx, second.attempt, second.reply, second.err)
	if err != nil && first.attempt == r.running[0] {
		err = failed
	}
	return reply, err
}

// stop ends the attempt that did not win. What its target has done by then is paid.
func (r *race) stop(winner *attempt) {
	for _, a := range r.running {
		if a == winner {
			continue
		}
		a.overtaken = true
		a.watch.cancel(&llm.Error{Code: llm.CodeUpstream, Status: 502, Fault: llm.FaultCanceled, Message: "Another target began to answer first."})
		if f := r.next(); f.err != nil {
			_ = a.fail(r.ctx, f.err)
		} else {
			a.finish(&llm.Error{Fault: llm.FaultCanceled, Message: "Another target began to answer first."})
			f.reply.Close()
		}
		ctx, done := context.WithTimeout(context.WithoutCancel(r.ctx), concludeTime)
		a.charges = a.settle(ctx)
		done()
	}
}
