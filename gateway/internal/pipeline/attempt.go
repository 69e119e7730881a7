package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// attempt is one upstream call, from sending to the end of its reply.
type attempt struct {
	*life
	target *llm.Target
	// exchange is what the dialects and transforms share.
	exchange llm.Exchange
	// quirks are what the target has refused of an earlier try.
	quirks llm.Quirks
	// more says that another target could take over.
	more    bool
	started time.Time
	// first is the time from started to the first content; 0 before it.
	first  time.Duration
	answer *llm.Answer
	flight Flight
	watch  *watchdog
	index  int // of the attempt's entry in the record
	done   bool
}

// run sends the call and waits for the reply's first content. What it returns is
// the reply from its first event.
func (a *attempt) run(ctx context.Context, try int, wait time.Duration) (llm.Stream, error) {
	var ok bool
	if a.flight, ok = a.Health.Begin(a.target.ID, a.req.ID); !ok {
		return nil, a.resting(a.target)
	}
	a.started = a.Now()
	a.index = len(a.record.Attempts)
	a.record.Attempts = append(a.record.Attempts, llm.Attempt{Target: a.target.ID, Try: try,
		Start: a.since(), Wait: llm.Millis(wait)})
	if a.waiting != nil {
		a.waiting.expect(a.head())
	}
	a.watch = newWatchdog(ctx, a.firstLimit(), a.lateFirst)
	reply, err := a.open(a.watch.ctx)
	if err != nil {
		err = a.redact(a.abandoned(ctx, a.watch.explain(err))) // whatever it was called on the way
		a.finish(llm.AsError(err))
		if llm.AsError(err).Fault == llm.FaultBudget {
			a.record.Attempts = a.record.Attempts[:a.index] // the target was not asked
		}
		a.watch.stop()
		return nil, err
	}
	a.serve(reply.Info)
	return reply, nil
}

// redact strikes the provider's secrets out of an error, before it is recorded, logged
// or told: whatever reads a reply may quote what the provider said.
func (a *attempt) redact(err error) error {
	var e *llm.Error
	if !errors.As(err, &e) {
		return err
	}
	return a.Upstream.Redact(a.target, e)
}

// redactApplied does the same for what transforms said of their own failures.
func (a *attempt) redactApplied() []llm.Applied {
	for i := range a.exchange.Applied {
		if fault := &a.exchange.Applied[i].Fault; *fault != "" {
			*fault = a.Upstream.Redact(a.target, &llm.Error{Message: *fault}).Message
		}
	}
	return a.exchange.Applied
}

// serve makes the attempt the one that answers the request.
func (a *attempt) serve(info func() llm.ReplyInfo) {
	a.serving, a.life.target, a.life.answered, a.info = a, a.target, a.answer, info
	a.record.Target = a.target.ID
}

// open sends the call and reads up to the first content.
func (a *attempt) open(ctx context.Context) (llm.Stream, error) {
	call, err := a.prepare(ctx)
	if err != nil {
		return nil, err
	}
	a.answer, err = a.Upstream.Do(ctx, a.target, call)
	if err != nil {
		return nil, err
	}
	a.entry().Status = a.answer.Status
	a.answer.Body = watched{a.answer.Body, a.watch}
	events, err := a.Dialects.Read(ctx, &a.exchange, a.answer)
	if err != nil {
		return nil, err
	}
	held, err := hold(events)
	if err == nil {
		err = a.refuseEmpty(events, held)
	}
	if err != nil {
		a.early = events.Info()
		events.Close()
		return nil, err
	}
	a.begin(events.Info().Whole)
	return &relayed{Stream: events, held: held, attempt: a}, nil
}

// prepare makes the call. What it may cost is reserved on the request as transforms have
// made it, so that none of them can add to a prompt unpaid.
func (a *attempt) prepare(ctx context.Context) (llm.Call, error) {
	a.exchange = llm.Exchange{Request: a.req, Route: a.route, Target: a.target, Quirks: a.quirks}
	a.early = llm.ReplyInfo{}
	if err := a.Dialects.Prepare(ctx, &a.exchange); err != nil {
		return llm.Call{}, err
	}
	if err := a.reserve(ctx, &a.exchange); err != nil {
		return llm.Call{}, err
	}
	a.started = a.Now() // waiting for a limit is not the target's time
	call, err := a.Dialects.Call(ctx, &a.exchange)
	a.entry().Dropped = a.exchange.Dropped
	if a.waiting != nil && len(a.exchange.Dropped) > 0 {
		a.waiting.expect(a.head()) // the headers may be sent before the target answers
	}
	if err == nil {
		err = a.reserveGrowth(ctx, &a.exchange, call.Body)
	}
	return call, err
}

// begin notes that the reply has begun. Of one that comes in one piece nobody knows when
// it did.
func (a *attempt) begin(whole bool) {
	if !whole {
		a.first = a.Now().Sub(a.started)
		a.entry().FirstToken = llm.Millis(a.first)
		a.flight.FirstToken()
	}
	t := a.timeouts()
	a.watch.follow(watchLimits{silence: t.Idle, standstill: t.PingIdle, silent: a.silent, stuck: a.stuck})
	a.watch.rest()
}

func (a *attempt) entry() *llm.Attempt { return &a.record.Attempts[a.index] }

// timeouts are the route's, but for those that the target has of its own.
func (a *attempt) timeouts() llm.Timeouts {
	t, own := a.route.Timeout, a.target.Timeout
	t.FirstToken = cmp.Or(own.FirstToken, t.FirstToken)
	t.Idle = cmp.Or(own.Idle, t.Idle)
	t.PingIdle = cmp.Or(own.PingIdle, t.PingIdle)
	return t
}

// plainFactor is how much longer than a stream's first token a plain reply may take,
// which shows nothing before it is whole.
const plainFactor = 4

// firstLimit is how long to wait for the first content: the request's whole time when
// nobody could take over.
func (a *attempt) firstLimit() time.Duration {
	t := a.timeouts()
	switch {
	case !a.more:
		return t.Total
	case a.req.Facts.Stream:
		return t.FirstToken
	}
	return min(plainFactor*t.FirstToken, t.Total)
}

// lateFirst is the error of an attempt whose first content did not come in time.
func (a *attempt) lateFirst() error {
	setting := "timeout.first_token"
	switch {
	case !a.more:
		setting = "timeout.total"
	case !a.req.Facts.Stream:
		setting += fmt.Sprintf(" × %d for a plain reply", plainFactor)
	}
	return a.late("did not begin to answer", a.firstLimit(), setting)
}

func (a *attempt) silent() error { return a.late("sent nothing", a.timeouts().Idle, "timeout.idle") }

func (a *attempt) stuck() error {
	return a.late("only kept the connection alive", a.timeouts().PingIdle, "timeout.ping_idle")
}

// late is the error of an attempt that waited too long.
func (a *attempt) late(what string, limit time.Duration, setting string) error {
	return &llm.Error{Code: llm.CodeUpstreamTimeout, Status: 504, Fault: llm.FaultTimeout,
		Message: fmt.Sprintf("%s %s for %s (%s).", a.target.ID, what, limit, setting)}
}

// finish ends the attempt, once: health learns of it and the record is completed.
func (a *attempt) finish(e *llm.Error) {
	if a.done {
		return
	}
	a.done = true
	a.watch.pause()
	took := a.Now().Sub(a.started)
	entry := a.entry()
	entry.Duration, entry.Transforms = llm.Millis(took), a.redactApplied()
	out := Outcome{FirstToken: a.first, Duration: took}
	if a.answer != nil {
		out.Status, out.Header = a.answer.Status, a.answer.Header
	}
	if e != nil {
		entry.Fault, entry.Error = e.Fault, e.Message
		out.Fault, out.RetryAfter, out.Credential = e.Fault, e.RetryAfter, e.Credential
	} else if u := a.info().Usage; u != nil {
		out.OutputTokens = u.Output
	}
	a.record.Upstream += llm.Millis(took)
	a.flight.Done(out)
}
