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

// attempt is one upstream call, from its reservation to the end of its reply. It is a value
// of its own: it shares nothing that changes with its request or with other attempts, so
// several may run at once. Whoever started it reads its result.
type attempt struct {
	*terms
	task
	// part is what the target is asked for while the rest of the reply is stored; nil for the
	// whole request. unlike says that what came did not go with that.
	part   *llm.Part
	unlike bool
	// exchange is what the dialects and transforms share.
	exchange llm.Exchange
	// reserved is what the attempt holds of the request's limits.
	reserved reservation
	flight   Flight
	watch    *watchdog
	call     llm.Call
	answer   *llm.Answer
	// estimated says that the answer is the gateway's own.
	estimated bool
	// reply is what its target answers the request with; nil before there is content.
	reply llm.Stream
	// early is what is known of a reply that the caller does not get: one without content, or
	// one that fails a check. empty are its events, if it was complete.
	early llm.ReplyInfo
	empty []llm.Event

	// charges are those of an attempt that was settled before the request was.
	charges []llm.Charge
	// entry is the attempt in the record; asked is false when the target was not asked.
	entry   llm.Attempt
	asked   bool
	started time.Time
	// first is the time from started to the first content, took that to the end; 0 before.
	first, took time.Duration
	// heldBefore is for how long the watchdog was suspended before there was content.
	heldBefore time.Duration
	done       bool
	// sent says that the target may have got the call.
	sent bool
	// callerLeft says that the caller hung up before there was content, overtaken that another
	// target began before this one.
	callerLeft, overtaken bool
}

// task says what an attempt is to do.
type task struct {
	target *llm.Target
	// try counts from 1 on each target, wait is the pause before it.
	try  int
	wait time.Duration
	// quirks are what the target has refused in an earlier try.
	quirks llm.Quirks
	// replaceable says that another target could take over.
	replaceable bool
	// escalates says that another target is asked if the answer fails a check.
	escalates bool
	// hedge says that the attempt is made beside a slow one.
	hedge bool
	// entered says that the attempt has its place at the target already.
	entered bool
	// resume says how the attempt goes on with the reply of broken; nil for any other.
	resume *llm.Resume
	broken *attempt
	// not are the credentials that the target has refused in this request.
	not []string
}

// begin starts the attempt, unless its target is full or cooling down by now.
func (a *attempt) begin(ctx context.Context) error {
	if err := a.enter(); err != nil {
		return err
	}
	flight, ok := a.Health.Begin(a.target.ID, a.asking())
	if !ok {
		a.Capacity.Leave(a.target)
		return a.coolingDown()
	}
	a.flight, a.asked, a.started = flight, true, a.Now()
	a.entry = llm.Attempt{Target: a.target.ID, Credential: flight.Credential(), Try: a.try, Start: a.since(), Wait: llm.Millis(a.wait), Resumes: a.resumes(), Hedge: a.hedge}
	a.entry.Span = a.span()
	limit, _ := a.firstLimit()
	a.watch = newWatchdog(ctx, limit, a.firstTokenError)
	return nil
}

// coolingDown is the error for a target that must not be asked now: 429 if the provider
// asked for no requests, else 503.
func (a *attempt) coolingDown() error {
	why, until := a.Health.Cooling(a.target.ID)
	left := max(until.Sub(a.Now()), time.Second).Round(time.Second)
	e := &llm.Error{Code: llm.CodeNoTarget, Status: http.StatusServiceUnavailable, Fault: llm.FaultCooling, RetryAfter: left,
		Message: fmt.Sprintf("%s is cooling down after failures (%s). Try again in about %s.", a.target.ID, why, left)}
	if why == llm.CoolingForOperator {
		return openedByOperator(e, a.target.ID)
	}
	if why == string(llm.FaultRateLimited) {
		e.Code, e.Status = llm.CodeRateLimited, http.StatusTooManyRequests
		e.Message = fmt.Sprintf("%s accepts no requests until its rate limit is reset. Try again in about %s.", a.target.ID, left)
	}
	return e
}

// prepare makes the call. What it may cost is reserved on the request as transforms have
// made it, so that none of them can add to a prompt unpaid.
func (a *attempt) prepare() error {
	ctx := a.watch.ctx
	if err := a.takePart(); err != nil {
		return err
	}
	a.exchange = llm.Exchange{Request: a.request(), Route: a.route, Target: a.target, Quirks: a.quirks, Media: a.media, Resume: a.resume}
	if err := a.Dialects.Prepare(ctx, &a.exchange); err != nil {
		return err
	}
	a.watch.suspend() // nor is fetching media the target's time
	err := a.Dialects.Inline(ctx, &a.exchange)
	a.watch.resume()
	if a.entry.Transform = a.lap(); err != nil {
		return err
	}
	err = a.reserve(ctx, &a.exchange)
	if a.entry.Reserve = a.lap(); err != nil { // waiting for a limit is not the target's time
		return err
	}
	call, err := a.Dialects.Call(ctx, &a.exchange)
	a.entry.Dropped, a.entry.CacheMarks = a.exchange.Dropped, a.exchange.CacheMarks
	if err != nil {
		return err
	}
	a.call = call
	a.call.Credential = a.entry.Credential
	a.propagate()
	return a.reserveGrowth(ctx, call.Body)
}

// lap returns the time since the attempt or its last step began, and begins the next one.
func (a *attempt) lap() llm.Millis {
	began := a.started
	a.started = a.Now()
	return llm.Millis(a.started.Sub(began))
}

// send sends the call and reads the reply up to its first content. The stream it returns
// begins with the reply's first event.
func (a *attempt) send() (llm.Stream, error) {
	ctx := a.watch.ctx
	answer, err := a.call.Answer, error(nil)
	if a.estimated = answer != nil; !a.estimated {
		a.sent = true
		answer, err = a.do(ctx)
	}
	a.answer, a.call = answer, llm.Call{}
	if err != nil {
		return nil, err
	}
	a.entry.Status = answer.Status
	answer.Body = a.watched(answer.Body)
	events, err := a.Dialects.Read(ctx, &a.exchange, answer)
	if err == nil {
		events, err = a.join(events)
	}
	if err != nil {
		return nil, err
	}
	buffered, err := readToContent(events)
	if err == nil {
		err = a.refuseEmpty(events.Info(), buffered)
	}
	if err == nil {
		err = a.noteContent(events.Info().Whole)
	}
	if err == nil {
		buffered, err = a.holdBack(events, buffered)
	}
	if err == nil {
		buffered, err = a.checkAnswer(events, buffered)
	}
	if err != nil {
		a.early = events.Info()
		events.Close()
		return nil, err
	}
	a.reply = &reply{Stream: events, buffered: buffered, attempt: a}
	return a.reply, nil
}

// watched returns the body of the answer under the watchdog. Nothing is known of a plain
// reply before it is whole, so its silence is bounded from its first byte on.
func (a *attempt) watched(body io.ReadCloser) io.ReadCloser {
	b := &watchedBody{ReadCloser: body, watch: a.watch}
	if !a.req.Facts.Stream {
		b.began = func() { a.watch.limitIdle(a.timeouts().Idle, a.stallError) }
	}
	return b
}

// noteContent notes that the reply's first content has come. When a reply comes in one
// piece, it is not known when it began. It fails if that was too late: nothing has been sent
// yet, so another target can take over.
func (a *attempt) noteContent(whole bool) error {
	a.heldBefore = a.watch.held()
	if !whole {
		a.first = a.Now().Sub(a.started)
		a.entry.FirstToken = llm.Millis(a.first)
		a.flight.FirstToken(a.first, a.answer.Header)
	}
	t := a.timeouts()
	inTime := a.watch.follow(watchLimits{idle: t.Idle, pingIdle: t.PingIdle, idleError: a.stallError, pingIdleError: a.pingsError})
	a.watch.suspend()
	if !inTime {
		return context.Cause(a.watch.ctx)
	}
	return nil
}

// holdBack reads on until as much of a stream is buffered as its route holds back. What
// breaks off within that has not been seen by anyone.
func (a *attempt) holdBack(events llm.Stream, buffered []llm.Event) ([]llm.Event, error) {
	if a.route.Hold == 0 || !a.req.Facts.Stream {
		return buffered, nil
	}
	return a.bufferUntil(events, buffered, func(size int) bool { return a.heldEnough(events.Info(), size) })
}

// bufferUntil reads on until the reply is complete, or what was read of it, in bytes, is
// enough.
func (a *attempt) bufferUntil(events llm.Stream, buffered []llm.Event, enough func(size int) bool) ([]llm.Event, error) {
	a.watch.resume()
	defer a.watch.suspend()
	size := 0
	for last := len(buffered) - 1; !buffered[last].Final && !enough(size); last++ {
		size += len(buffered[last].Frame) + eventBytes
		buffered[last] = cloneEvent(buffered[last])
		ev, err := events.Next()
		if err != nil {
			return nil, unfinished(err)
		}
		if ev.Progress {
			a.watch.progressed()
		}
		buffered = append(buffered, ev)
	}
	return buffered, nil
}

// heldEnough reports whether a stream of which so much was read may be sent.
func (a *attempt) heldEnough(info llm.ReplyInfo, size int) bool {
	if size >= maxBufferedBytes {
		return true
	}
	return a.route.Hold != llm.HoldAll && info.Billed(0, false).Output >= a.route.Hold
}

// fail ends an attempt that brought no content. It returns the error as it is recorded,
// without the provider's secrets. ctx is the request's.
func (a *attempt) fail(ctx context.Context, err error) error {
	err = a.redact(callerGone(ctx, a.watch.explain(err)))
	e := llm.AsError(err)
	a.finish(e)
	a.asked, a.callerLeft = e.Fault != llm.FaultBudget, e.Fault == llm.FaultCanceled
	a.watch.stop()
	return err
}

// redact removes the provider's secrets from an error before it is recorded, logged or
// sent: it may quote what the provider answered.
func (a *attempt) redact(err error) error {
	var e *llm.Error
	if !errors.As(err, &e) {
		return err
	}
	return a.Upstream.Redact(a.target, e)
}

// finish ends the attempt, once: Health is told the outcome, and the entry is completed.
func (a *attempt) finish(e *llm.Error) {
	if a.done {
		return
	}
	a.done = true
	a.watch.disarm()
	a.took = a.Now().Sub(a.started)
	a.entry.Duration, a.entry.Transforms = llm.Millis(a.took), a.redactedTransforms()
	scoring := a.scoring()
	out := Outcome{FirstToken: a.first, Noted: a.first > 0, Duration: a.took - scoring, Held: max(a.watch.held()-a.heldBefore-scoring, 0)}
	if a.answer != nil {
		out.Status, out.Header = a.answer.Status, a.answer.Header
	}
	if a.reply != nil || a.overtaken {
		own := a.own()
		a.entry.Usage, a.entry.Cost = own.usage, own.cost
	} else if a.empty != nil { // the caller does not get it, and does not pay for it
		a.entry.Usage = a.early.Billed(a.exchange.Sent.Facts.EstInputTokens, true)
		a.entry.Cost = a.target.Price.Cost(a.entry.Usage)
	}
	if e != nil {
		a.entry.Fault, a.entry.Error = e.Fault, a.errorText(e)
		out.Fault, out.RetryAfter, out.Credential = e.Fault, e.RetryAfter, e.Credential
		if e.Fault == llm.FaultInadequate { // which is about the answer: the target has served
			out.Fault, out.OutputTokens = llm.FaultNone, a.entry.Usage.Output
		}
		if errors.Is(e, errImpatient) {
			out.Fault = llm.FaultCanceled
		}
		if a.first == 0 && a.req.Facts.Stream {
			out.Silent = a.took
		}
	} else if u := a.reply.Info().Usage; u != nil {
		if out.OutputTokens = u.Output; a.req.Facts.Inputs > 0 {
			out.FirstToken = a.took // vectors are made all at once
		}
		if a.req.Facts.Inputs == 0 && !a.req.Facts.Free { // only a conversation's prompt goes on
			a.Outputs.Note(a.route.Name, a.target.ID, u.Output)
			a.Prompts.Sent(a.req.Principal.KeyID, a.affinity, a.target.ID, keptPrompt(a.target, u))
		}
	}
	if a.estimated {
		out = Outcome{Fault: llm.FaultCanceled} // the target was not asked, which tells nothing about it
	}
	a.flight.Done(out)
	a.Capacity.Leave(a.target)
}

// keptPrompt returns how many tokens of an answered prompt the target may have cached. One
// that takes a higher price for writing to its cache writes only what it is told to; any
// other may keep the whole prompt.
func keptPrompt(t *llm.Target, u *llm.Usage) int64 {
	if t.Dialect == llm.Anthropic || t.Price.CacheWrite > t.Price.Input {
		return llm.Add(u.CacheRead, llm.Add(u.CacheWrite, u.CacheWriteLong))
	}
	return u.Input
}

// redactedTransforms is what transforms did, without the provider's secrets in what they
// say of their faults.
func (a *attempt) redactedTransforms() []llm.Applied {
	for i := range a.exchange.Applied {
		if fault := &a.exchange.Applied[i].Fault; *fault != "" {
			*fault = a.Upstream.Redact(a.target, &llm.Error{Message: *fault}).Message
		}
	}
	return a.exchange.Applied
}
