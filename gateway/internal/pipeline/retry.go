package pipeline

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// mayRetry takes a retry, or the fallback after an outage, from what the request may take
// in all and from the gateway-wide budget.
func (s *attempts) mayRetry() bool {
	if s.extra >= s.route.Retries.Total || !s.Upstream.MayRetry() {
		return false
	}
	s.extra++
	return true
}

// mayGoOn takes a fallback that no outage has caused from what the request may take in all.
func (s *attempts) mayGoOn() bool {
	s.extra++
	return s.extra <= s.route.Retries.Total
}

// asking is the attempt's request as it asks its target.
func (a *attempt) asking() Asking {
	f := &a.req.Facts
	output := a.Outputs.Expected(a.route.Name, a.target.ID)
	if f.MaxTokens > 0 {
		output = min(output, f.MaxTokens)
	}
	return Asking{Request: a.req.ID, Session: a.affinity, Tokens: llm.Add(f.EstInputTokens, output), Not: a.not, LastResort: a.allCooling}
}

// rotate prepares the next task for another credential of the same target, when it was the
// credential that was refused and another one is free. That is no try of the caller's and
// takes no pause, since another account answers; it is bounded by the number of
// credentials. After a rate limit it comes from the gateway-wide retry budget: the target
// is there, but under load.
func (s *attempts) rotate(next *task, a *attempt, e *llm.Error) bool {
	used := a.entry.Credential
	short := e.Fault == llm.FaultRefused && e.Status == http.StatusPaymentRequired // another account may have more credit left
	if used == "" || !a.asked || !e.Fault.OfCredential() && !short {
		return false
	}
	next.not = append(slices.Clip(next.not), used)
	asking := a.asking()
	asking.Not = next.not
	if !s.Health.Spare(a.target.ID, asking) || e.Fault == llm.FaultRateLimited && !s.Upstream.MayRetry() {
		return false
	}
	next.wait = 0
	return true
}

// soonest returns a rate limit's error with the time until the first of the target's several
// credentials may be used again, in place of the time that the refused one has to wait.
func (s *attempts) soonest(a *attempt, e *llm.Error) *llm.Error {
	if a.entry.Credential == "" || e.Fault != llm.FaultRateLimited || e.RetryAfter == 0 {
		return e
	}
	first := *e
	first.RetryAfter = 0
	if why, until := s.Health.Cooling(a.target.ID); why == string(llm.FaultRateLimited) {
		first.RetryAfter = max(until.Sub(s.Now()), 0)
	}
	return &first
}

// longOpening is from how long on the time of an operator's opening says nothing to a caller.
const longOpening = 24 * time.Hour

// openedByOperator makes e the error for a target that an operator has opened.
func openedByOperator(e *llm.Error, target string) *llm.Error {
	e.Message = fmt.Sprintf("%s was taken out of use by the gateway's operator.", target)
	if e.RetryAfter > longOpening {
		e.RetryAfter = 0
	}
	return e
}
