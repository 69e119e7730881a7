package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// first goes through the ranked candidates until one of them answers: the same
// target again where that may help, else the next one. The error is the last
// provider's own when none does.
func (l *life) first(ctx context.Context, ranked []llm.Candidate) (llm.Stream, error) {
	var last error
	tooSmall := int64(0) // context windows up to here are known not to suffice
	for i, c := range ranked {
		if tooSmall > 0 && c.Target.Context > 0 && c.Target.Context <= tooSmall {
			continue
		}
		reply, err := l.persist(ctx, c.Target, i+1 < len(ranked))
		if err == nil {
			return reply, nil
		}
		fault := llm.AsError(err).Fault
		if fault != llm.FaultBudget {
			last = err
		}
		last = firstOf(last, err)
		if !fault.Replaceable() || ctx.Err() != nil {
			break
		}
		if fault == llm.FaultContextLength {
			tooSmall = max(tooSmall, c.Target.Context)
		}
	}
	return nil, l.exhausted(ctx, last)
}

// firstOf keeps the error that came first, unless there was none: what a provider
// said is worth more than the budget's refusal of the fallback after it.
func firstOf(had, err error) error {
	if had != nil {
		return had
	}
	return err
}

// exhausted marks that the gateway has tried all it could, if it has tried at all.
func (l *life) exhausted(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause // the total time is over, whatever the attempt died of
	}
	e := *llm.AsError(err)
	e.Retried = e.Retried || len(l.record.Attempts) > 0
	if e.Fault == llm.FaultAuth {
		return operators(&e)
	}
	return &e
}

// operators is a provider's refusal of the gateway's own credentials, as a caller
// may see it. A 401 would tell it to change a key that is fine.
func operators(e *llm.Error) error {
	return &llm.Error{Code: "provider_auth", Status: http.StatusBadGateway, Fault: e.Fault, Retried: true, Err: e,
		Message: "The provider refused the gateway's credentials, which is for its operator to mend: " + e.Message}
}

// persist tries one target as often as the route allows and the fault makes sense.
func (l *life) persist(ctx context.Context, t *llm.Target, more bool) (llm.Stream, error) {
	var wait time.Duration
	for try := 1; ; try++ {
		a := &attempt{life: l, target: t, more: more}
		reply, err := a.run(ctx, try, wait)
		if err == nil {
			return reply, nil
		}
		e := llm.AsError(err)
		if !e.Fault.Retryable() || try >= l.route.Retries.Attempts {
			return nil, err
		}
		wait = max(l.Upstream.Backoff(try+1, l.route.Retries), e.RetryAfter)
		if wait > l.patience(ctx, more) || !l.Upstream.MayRetry() {
			return nil, err
		}
		if !pause(ctx, wait) {
			return nil, err
		}
	}
}

// patience is the longest pause worth taking before another try: a provider that
// asks for more is left for the next target, or its request is given back to the
// caller.
func (l *life) patience(ctx context.Context, more bool) time.Duration {
	left := remaining(ctx, l.Now()) / 2
	if more {
		return min(left, l.route.Retries.Max)
	}
	return left
}

// pause waits and reports whether the wait came to its end.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempt is one upstream call, from sending to the end of its reply.
type attempt struct {
	*life
	target *llm.Target
	// exchange is what the dialects and transforms share.
	exchange llm.Exchange
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
	if a.flight, ok = a.Health.Begin(a.target.ID); !ok {
		return nil, a.resting()
	}
	a.started = a.Now()
	a.index = len(a.record.Attempts)
	a.record.Attempts = append(a.record.Attempts, llm.Attempt{Target: a.target.ID, Try: try,
		Start: a.since(), Wait: llm.Millis(wait)})
	a.watch = newWatchdog(ctx, a.firstLimit(), a.silentAtFirst)
	reply, err := a.open(a.watch.ctx)
	if err != nil {
		err = a.watch.explain(err)
		a.finish(llm.AsError(err))
		if llm.AsError(err).Fault == llm.FaultBudget {
			a.record.Attempts = a.record.Attempts[:a.index] // the target was not asked
		}
		a.watch.stop()
		return nil, err
	}
	a.serving, a.life.target, a.life.answered, a.tally = a, a.target, a.answer, reply.Tally
	a.record.Target = a.target.ID
	return reply, nil
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
	events, err := a.Dialects.Read(ctx, &a.exchange, a.answer)
	if err != nil {
		return nil, err
	}
	held, err := hold(events)
	if err != nil {
		events.Close()
		return nil, err
	}
	a.first = a.Now().Sub(a.started)
	a.entry().FirstToken = llm.Millis(a.first)
	a.flight.FirstToken()
	a.watch.reset(a.route.Timeout.Idle, a.silentLater)
	return &relayed{Stream: events, held: held, attempt: a}, nil
}

// prepare makes the call. What it may cost is reserved on the request as transforms have
// made it, so that none of them can add to a prompt unpaid.
func (a *attempt) prepare(ctx context.Context) (llm.Call, error) {
	a.exchange = llm.Exchange{Request: a.req, Route: a.route, Target: a.target}
	if err := a.Dialects.Prepare(ctx, &a.exchange); err != nil {
		return llm.Call{}, err
	}
	if err := a.reserve(ctx, &a.exchange); err != nil {
		return llm.Call{}, err
	}
	return a.Dialects.Call(ctx, &a.exchange)
}

// resting is what becomes of an attempt on a target that must not be asked now.
func (a *attempt) resting() error {
	stats := a.Health.Stats(a.target.ID)
	left := max(stats.CoolingUntil.Sub(a.Now()), time.Second).Round(time.Second)
	return &llm.Error{Code: llm.CodeNoTarget, Status: 503, Fault: llm.FaultResting, RetryAfter: left,
		Message: fmt.Sprintf("%s is resting after failures (%s) and is asked again in about %s.", a.target.ID, stats.CoolingFor, left)}
}

func (a *attempt) entry() *llm.Attempt { return &a.record.Attempts[a.index] }

// firstLimit is how long to wait for the first content. A plain reply shows
// nothing before it is whole, so it gets four times as long as a stream, and the
// request's whole time when there is nobody to fall back to.
func (a *attempt) firstLimit() time.Duration {
	switch {
	case a.req.Facts.Stream:
		return a.route.Timeout.FirstToken
	case a.more:
		return 4 * a.route.Timeout.FirstToken
	default:
		return a.route.Timeout.Total
	}
}

func (a *attempt) silentAtFirst() error { return a.silent("first_token", a.firstLimit()) }
func (a *attempt) silentLater() error   { return a.silent("idle", a.route.Timeout.Idle) }

// silent is what an attempt dies of when nothing is heard for too long.
func (a *attempt) silent(limit string, after time.Duration) error {
	return &llm.Error{Code: llm.CodeUpstreamTimeout, Status: 504, Fault: llm.FaultTimeout,
		Message: a.target.ID + " was silent for " + after.String() + " (timeout." + limit + ")."}
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
	entry.Duration, entry.Transforms = llm.Millis(took), a.exchange.Applied
	out := Outcome{FirstToken: a.first, Duration: took}
	if a.answer != nil {
		out.Status, out.Header = a.answer.Status, a.answer.Header
	}
	if e != nil {
		entry.Fault, entry.Error = e.Fault, e.Message
		out.Fault, out.RetryAfter = e.Fault, e.RetryAfter
	} else if u := a.tally().Usage; u != nil {
		out.OutputTokens = u.Output
	}
	a.record.Upstream += llm.Millis(took)
	a.flight.Done(out)
}

// maxHeld bounds the events before the first content, and maxHeldBytes their size:
// a provider that sends nothing but preamble is not answering.
const (
	maxHeld      = 64
	maxHeldBytes = 1 << 20
)

// hold reads up to and including the first event with content, so that a target
// that greets and then says nothing can still be replaced.
func hold(s llm.Stream) ([]llm.Event, error) {
	var held []llm.Event
	size := 0
	for len(held) < maxHeld && size < maxHeldBytes {
		ev, err := s.Next()
		if err != nil {
			return nil, unfinished(err)
		}
		if ev.Content || ev.Final {
			return append(held, ev), nil // still valid: nothing is read before it is sent
		}
		size += len(ev.Frame)
		held = append(held, llm.Event{Frame: append([]byte(nil), ev.Frame...), Hidden: ev.Hidden})
	}
	return nil, &llm.Error{Code: llm.CodeUpstream, Status: 502, Fault: llm.FaultMalformed,
		Message: "The provider sent a stream without content."}
}

// unfinished gives an early end of a reply its name.
func unfinished(err error) error {
	if errors.Is(err, io.EOF) {
		return &llm.Error{Code: llm.CodeUpstream, Status: 502, Fault: llm.FaultMalformed,
			Message: "The provider sent an empty reply."}
	}
	return err
}

// relayed is a reply under way: the held events first, then the rest, watched for
// silence.
type relayed struct {
	llm.Stream
	held    []llm.Event
	attempt *attempt
}

// Next gives the next event and keeps the watchdog quiet.
func (r *relayed) Next() (llm.Event, error) {
	if len(r.held) > 0 {
		ev := r.held[0]
		r.held = r.held[1:]
		ev.More = ev.More || len(r.held) > 0
		return ev, nil
	}
	ev, err := r.Stream.Next()
	if err != nil {
		err = r.attempt.watch.explain(unfinished(err))
		r.attempt.finish(llm.AsError(err))
		return ev, err
	}
	if !ev.More { // what is here already came with this one
		r.attempt.watch.feed()
	}
	return ev, nil
}

// Close ends the upstream call. It may be called twice.
func (r *relayed) Close() error {
	err := r.Stream.Close()
	r.attempt.watch.stop()
	return err
}
