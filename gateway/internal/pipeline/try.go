package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// first goes through the ranked candidates until one of them answers: the same
// target again where that may help, else the next one. The error is the last
// provider's own when none does.
func (l *life) first(ctx context.Context, ranked []llm.Candidate) (llm.Stream, error) {
	l.Upstream.CountRequest()
	var last error
	tooSmall := int64(0) // context windows up to here are known not to suffice
	for i, c := range ranked {
		if outgrown(c.Target, tooSmall) {
			continue
		}
		if !l.mayFallBack(last) {
			break
		}
		reply, err := l.persist(ctx, c.Target, l.replaceable(ranked[i+1:], tooSmall))
		if err == nil {
			return reply, nil
		}
		last = telling(last, err)
		fault := llm.AsError(err).Fault
		if !fault.Replaceable() || ctx.Err() != nil {
			break
		}
		if fault == llm.FaultContextLength {
			tooSmall = max(tooSmall, c.Target.Context)
		}
	}
	if reply := l.lastResort(ctx); reply != nil {
		return reply, nil
	}
	return nil, l.exhausted(ctx, last)
}

// outgrown reports whether a request is known not to fit a target's context window.
func outgrown(t *llm.Target, tooSmall int64) bool {
	return tooSmall > 0 && t.Context > 0 && t.Context <= tooSmall
}

// replaceable reports whether one of the targets that are left could take over.
func (l *life) replaceable(left []llm.Candidate, tooSmall int64) bool {
	for _, c := range left {
		if !outgrown(c.Target, tooSmall) && !l.Health.Stats(c.Target.ID).CoolingUntil.After(l.Now()) {
			return true
		}
	}
	return false
}

// telling is the error of two that tells a caller more, the later one if both do: what
// a provider said is worth more than that nothing was asked after it, because a budget
// has no room for it or the target rests by now.
func telling(had, err error) error {
	if had == nil {
		return err
	}
	switch llm.AsError(err).Fault {
	case llm.FaultBudget, llm.FaultResting:
		return had
	}
	return err
}

// mayFallBack takes the fallback after an outage from the gateway-wide retry budget,
// so that one is not answered with a multiple of the load. Going elsewhere with what
// was too long, not wanted or not there, or was never asked for, is no answer to one.
func (l *life) mayFallBack(last error) bool {
	if last == nil || len(l.record.Attempts) == 0 {
		return true
	}
	switch llm.AsError(last).Fault {
	case llm.FaultContextLength, llm.FaultRefused, llm.FaultNotFound, llm.FaultUnsupported, llm.FaultBudget, llm.FaultResting, llm.FaultTransform, llm.FaultEmpty:
		return true
	}
	return l.Upstream.MayRetry()
}

// exhausted marks that the gateway has tried all it could, if it has tried at all.
func (l *life) exhausted(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause // the total time is over, whatever the attempt died of
	}
	e := *llm.AsError(err)
	e.Retried = e.Retried || len(l.record.Attempts) > 0
	if e.Fault == llm.FaultAuth {
		return hideAuthFailure(&e)
	}
	return &e
}

// hideAuthFailure turns a provider's refusal of the gateway's own credentials into a
// 502. A 401 would tell the caller to change a key that is fine.
func hideAuthFailure(e *llm.Error) error {
	return &llm.Error{Code: "provider_auth", Status: http.StatusBadGateway, Fault: e.Fault, Retried: true, Err: e,
		Message: "The provider refused the gateway's credentials; contact the gateway's operator: " + e.Message}
}

// persist tries one target as often as the route allows and the fault makes sense. The
// error is the target's own even if it rests before the next try.
func (l *life) persist(ctx context.Context, t *llm.Target, more bool) (llm.Stream, error) {
	var last error
	var wait time.Duration
	var quirks, mended llm.Quirks // each is mended once
	for try := 1; ; try++ {
		a := &attempt{life: l, target: t, more: more, quirks: quirks}
		reply, err := a.run(ctx, try, wait)
		if err == nil {
			return reply, nil
		}
		if q := l.Dialects.Mend(&a.exchange, llm.AsError(err)); q != 0 && !mended.Has(q) {
			quirks, mended, wait = quirks.With(q), mended|q, 0 // what the gateway added is no try of the caller's
			try--
			continue
		}
		last = telling(last, err)
		if try >= l.route.Retries.Attempts || !llm.AsError(err).Fault.Retryable() {
			return nil, last
		}
		var again bool
		if wait, again = l.pauseBefore(ctx, t, try+1, llm.AsError(err)); !again || !l.pause(ctx, wait) {
			return nil, last
		}
	}
}

// pauseBefore is the pause before another try of the same target, and whether there is
// to be one: not on a target that rests by now, unless it only wants a pause that is
// worth taking.
func (l *life) pauseBefore(ctx context.Context, t *llm.Target, try int, e *llm.Error) (time.Duration, bool) {
	wait := max(l.Upstream.Backoff(try, l.route.Retries), e.RetryAfter)
	why, until := l.Health.Cooling(t.ID)
	if why != "" && why != string(llm.FaultRateLimited) {
		return 0, false
	}
	if why != "" {
		wait = max(wait, until.Sub(l.Now()))
	}
	return wait, wait <= l.maxWait(ctx) && l.Upstream.MayRetry()
}

// maxWait is the longest pause worth taking before another try. A provider that asks
// for more is left for the next target, or its answer is given to the caller, who can
// decide for itself.
func (l *life) maxWait(ctx context.Context) time.Duration {
	return min(remaining(ctx, l.Now())/2, l.route.Retries.Max)
}

// pause waits and reports whether the wait came to its end.
func (l *life) pause(ctx context.Context, d time.Duration) bool {
	defer func(from time.Time) { l.paused += llm.Millis(l.Now().Sub(from)) }(l.Now())
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// resting is the error for a target that must not be asked now: 429 if the provider
// has asked to be left alone, else 503.
func (l *life) resting(t *llm.Target) error {
	why, until := l.Health.Cooling(t.ID)
	left := max(until.Sub(l.Now()), time.Second).Round(time.Second)
	e := &llm.Error{Code: llm.CodeNoTarget, Status: http.StatusServiceUnavailable, Fault: llm.FaultResting, RetryAfter: left,
		Message: fmt.Sprintf("%s is not asked after failures (%s); it is asked again in about %s.", t.ID, why, left)}
	if why == string(llm.FaultRateLimited) {
		e.Code, e.Status = llm.CodeRateLimited, http.StatusTooManyRequests
		e.Message = fmt.Sprintf("%s has asked for no requests until its rate limit is reset. Try again in about %s.", t.ID, left)
	}
	return e
}
