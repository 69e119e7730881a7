package pipeline

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// attempts makes the attempts of one request: the same target again where that may help,
// else the next one. It alone starts attempts and reads what came of them.
type attempts struct {
	*terms
	ranked []llm.Candidate
	// draft is for the attempts' reservations; nil without limits.
	draft *llm.Record
	// changed is called when the head of a reply that had to begin now would differ.
	changed func()
	// chain returns further candidates for a request that has failed for a cause.
	chain func(llm.Fault) []llm.Candidate

	// made are the attempts in the order in which they were started.
	made []*attempt
	// serving is the one whose reply the caller gets; nil before there is content.
	serving *attempt
	// left are the candidates that have not been tried when there is a reply. tooSmall is the
	// largest context window that is known not to suffice.
	left     []llm.Candidate
	tooSmall int64
	// paused is the time spent between attempts, queued the part of it spent waiting for a place
	// at a target. full are the targets that had none.
	paused, queued time.Duration
	full           []*llm.Target
	// extra counts the retries and fallbacks.
	extra int
}

// first returns the first reply with content, from its first event. The error is the last
// provider's own when no target gives one.
func (s *attempts) first(ctx context.Context) (llm.Stream, error) {
	s.Upstream.CountRequest()
	reply, err := s.tryTargets(ctx)
	if err != nil {
		reply, err = s.waitForPlace(ctx, err)
	}
	if err == nil {
		return reply, nil
	}
	if reply := s.emptyReply(ctx); reply != nil {
		return reply, nil
	}
	return nil, s.finalError(ctx, err)
}

// tryTargets goes through the ranked candidates until one of them answers.
func (s *attempts) tryTargets(ctx context.Context) (llm.Stream, error) {
	var last error
	for s.left = s.ranked; len(s.left) > 0; {
		c := s.left[0]
		s.left = s.left[1:]
		if outgrown(c.Target, s.tooSmall) {
			continue
		}
		if !s.mayFallBack(last) {
			break
		}
		reply, err := s.tryTarget(ctx, c.Target, s.replaceable(s.left))
		if err == nil {
			return reply, nil
		}
		if llm.AsError(err).Fault == llm.FaultFull {
			s.noteFull(c.Target)
		}
		last = moreInformative(last, err)
		if ctx.Err() != nil || !s.takeChain(llm.AsError(err).Fault, c.Target) {
			break
		}
	}
	return nil, last
}

// takeChain puts the candidates for the cause of a failure first, and reports whether the
// next candidate may be asked. What is refused for its content goes nowhere else than to
// those.
func (s *attempts) takeChain(cause llm.Fault, failed *llm.Target) bool {
	if cause == llm.FaultContextLength {
		s.tooSmall = max(s.tooSmall, failed.Context)
	}
	more := s.chain(cause)
	if cause == llm.FaultContentPolicy {
		s.left = nil
	}
	s.left = slices.Concat(more, s.left)
	return len(more) > 0 || cause.Replaceable()
}

// tryTarget tries one target as often as the route allows and the fault makes sense. The
// error is the target's own even if it is cooling down before the next try.
func (s *attempts) tryTarget(ctx context.Context, t *llm.Target, replaceable bool) (llm.Stream, error) {
	return s.tryTask(ctx, task{target: t, try: 1, replaceable: replaceable})
}

// tryTask is tryTarget for a first task.
func (s *attempts) tryTask(ctx context.Context, next task) (llm.Stream, error) {
	var last error
	var allowed llm.Quirks // each is worked around once
	t := next.target
	for {
		a := s.attempt(next)
		next.entered = false // a place is for one attempt
		reply, err := s.runHedged(ctx, a)
		if err == nil {
			return reply, nil
		}
		e := s.soonest(a, llm.AsError(err))
		if q := s.Dialects.WorkAround(&a.exchange, e); q != 0 && !allowed.Has(q) {
			// What the gateway itself added was refused: that is no try of the caller's.
			allowed, next.quirks, next.wait = allowed|q, next.quirks.With(q), 0
			continue
		}
		if a.unlike { // so all is asked for now, which is no try of the caller's either
			next.wait = 0
			continue
		}
		last = moreInformative(last, e)
		if s.rotate(&next, a, e) {
			continue
		}
		if next.try >= s.route.Retries.Attempts || !e.Fault.Retryable() {
			return nil, last
		}
		next.try, next.not = next.try+1, nil
		var again bool
		if next.wait, again = s.pauseBefore(t, next.try, e); !again || !s.pause(ctx, next.wait) {
			return nil, last
		}
	}
}

func (s *attempts) attempt(t task) *attempt {
	t.escalates = t.replaceable && s.mayEscalate()
	return &attempt{terms: s.terms, task: t, reserved: reservation{terms: s.terms, draft: s.draft, beside: t.hedge, covers: t.broken != nil}}
}

// run carries out an attempt up to the first content of its reply. It takes over the hold
// of the attempt before it.
func (s *attempts) run(ctx context.Context, a *attempt) (llm.Stream, error) {
	if err := s.start(ctx, a); err != nil {
		return nil, err
	}
	s.changed()
	err := a.prepare()
	if len(a.entry.Dropped) > 0 {
		s.changed() // the headers may be sent before the target answers
	}
	var reply llm.Stream
	if err == nil {
		reply, err = a.send()
	}
	return s.end(ctx, a, reply, err)
}

// start counts an attempt in.
func (s *attempts) start(ctx context.Context, a *attempt) error {
	if err := a.begin(ctx); err != nil {
		return err
	}
	if !a.hedge {
		s.takeHold(a)
	}
	s.made = append(s.made, a)
	return nil
}

// takeHold moves what another attempt holds to a. Only during a hedge do two hold something;
// the last attempt may be the one that was overtaken, which holds nothing.
func (s *attempts) takeHold(a *attempt) {
	for _, other := range slices.Backward(s.made) {
		if other != a && other.reserved.hold != nil {
			a.reserved.takeOver(&other.reserved)
			return
		}
	}
}

// end is what came of an attempt: its reply, which the caller gets, or an error.
func (s *attempts) end(ctx context.Context, a *attempt, reply llm.Stream, err error) (llm.Stream, error) {
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	s.serving = a
	return reply, nil
}

// emptyReply is a complete reply that was not good enough, for when no target gives a better
// one.
func (s *attempts) emptyReply(ctx context.Context) llm.Stream {
	a := s.lastResort()
	if a == nil {
		return nil
	}
	s.takeHold(a)
	if ctx.Err() != nil || a.reserve(ctx, &a.exchange) != nil {
		return nil
	}
	a.reply = &reply{Stream: endedReply{a.early}, buffered: a.empty, attempt: a}
	s.serving = a
	return a.reply
}

// charged is the attempt that the request is charged for: the one that serves it, or the one
// that the caller did not wait for; nil when there is none.
func (s *attempts) charged() *attempt {
	if s.serving != nil {
		return s.serving
	}
	if n := len(s.made); n > 0 && s.made[n-1].callerLeft {
		return s.made[n-1]
	}
	return nil
}

// overhead is the time so far that was spent neither on providers nor on pauses between
// attempts, out of the time since the request arrived.
func (s *attempts) overhead(since llm.Millis) llm.Millis {
	spent := s.paused
	for _, a := range s.made {
		if a.done {
			spent += a.took
		} else {
			spent += a.first
		}
	}
	return max(since-llm.Millis(spent), 0)
}

// dropped is what the target that answers, or else the one that is being asked, has no
// equivalent for.
func (s *attempts) dropped() []string {
	switch n := len(s.made); {
	case s.serving != nil:
		return s.serving.entry.Dropped
	case n > 0:
		return s.made[n-1].entry.Dropped
	}
	return nil
}

// asked counts the attempts whose target was asked.
func (s *attempts) asked() int {
	n := 0
	for _, a := range s.made {
		if a.asked {
			n++
		}
	}
	return n
}

// outgrown reports whether a request is known not to fit a target's context window.
func outgrown(t *llm.Target, tooSmall int64) bool {
	return tooSmall > 0 && t.Context > 0 && t.Context <= tooSmall
}

// replaceable reports whether one of the targets that are left could take over.
func (s *attempts) replaceable(left []llm.Candidate) bool {
	for _, c := range left {
		if !outgrown(c.Target, s.tooSmall) && !s.Capacity.Full(c.Target, s.req.Priority) && !s.Health.Stats(c.Target.ID).CoolingUntil.After(s.Now()) {
			return true
		}
	}
	return false
}

// moreInformative returns the error of two that is more useful to the caller: the later one,
// unless it only says that a target was not asked, because a budget has no room or because
// it is cooling down or full.
func moreInformative(earlier, later error) error {
	if earlier == nil {
		return later
	}
	switch llm.AsError(later).Fault {
	case llm.FaultBudget, llm.FaultCooling, llm.FaultFull:
		return earlier
	}
	return later
}

// mayFallBack takes the fallback after an outage from the gateway-wide retry budget, so
// that an outage is not answered with a multiple of the load. A request that the last
// target could not take, or that it was never asked, is no outage.
func (s *attempts) mayFallBack(last error) bool {
	if last == nil || s.asked() == 0 {
		return true
	}
	switch llm.AsError(last).Fault {
	case llm.FaultUnsupported, llm.FaultBudget, llm.FaultCooling, llm.FaultFull, llm.FaultTransform:
		return true
	case llm.FaultContextLength, llm.FaultContentPolicy, llm.FaultRefused, llm.FaultNotFound, llm.FaultEmpty, llm.FaultInadequate:
		return s.mayGoOn()
	}
	return s.mayRetry()
}

// finalError is the caller's error when no target answers. It says whether any was asked.
func (s *attempts) finalError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause // the total timeout, whatever error the attempt ended with
	}
	e := *llm.AsError(err)
	e.Retried = e.Retried || s.asked() > 0
	if s.allCooling && e.RetryAfter == 0 && s.asked() > 0 {
		_, until := s.Health.Cooling(s.made[len(s.made)-1].target.ID)
		e.RetryAfter = max(until.Sub(s.Now()).Round(time.Second), 0)
	}
	if e.Fault == llm.FaultAuth {
		return hideAuthFailure(&e)
	}
	return &e
}

// hideAuthFailure turns a provider's 401 or 403 into a 502: the operator's key is at fault,
// not the caller's.
func hideAuthFailure(e *llm.Error) error {
	return &llm.Error{Code: "provider_auth", Status: http.StatusBadGateway, Fault: e.Fault, Retried: true, Err: e,
		Message: "The provider refused the gateway's credentials; contact the gateway's operator: " + e.Message}
}

// pauseBefore is the pause before another try of the same target, and whether there is to
// be one: not on a target that is cooling down by now, unless for a rate limit whose pause
// is worth waiting for.
func (s *attempts) pauseBefore(t *llm.Target, try int, e *llm.Error) (time.Duration, bool) {
	wait := max(s.Upstream.Backoff(try, s.route.Retries), e.RetryAfter)
	why, until := s.Health.Cooling(t.ID)
	if why != "" && why != string(llm.FaultRateLimited) {
		return 0, false
	}
	if why != "" {
		wait = max(wait, until.Sub(s.Now()))
	}
	return wait, wait <= s.maxWait() && s.mayRetry()
}

// maxWait is the longest pause worth taking before another try. When a provider asks for
// more, the next target is asked, or the caller gets its error and can decide for itself.
func (s *attempts) maxWait() time.Duration {
	return min(s.req.Deadline.Sub(s.Now())/2, s.route.Retries.Max)
}

// pause waits and reports whether the wait came to its end.
func (s *attempts) pause(ctx context.Context, d time.Duration) bool {
	defer func(from time.Time) { s.paused += s.Now().Sub(from) }(s.Now())
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
