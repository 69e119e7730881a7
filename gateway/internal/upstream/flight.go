package upstream

import (
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Outcome is what became of an attempt.
type Outcome struct {
	Fault  llm.Fault
	Status int
	// RetryAfter is what the provider asked for; 0 means nothing.
	RetryAfter time.Duration
	// Header is the reply's, to learn the provider's limits from; it may be nil.
	Header http.Header
	// FirstToken is from the attempt's start to the first piece of content, 0 when
	// that was not seen, as in a plain reply. Duration is the whole attempt.
	FirstToken, Duration time.Duration
	// OutputTokens is what the reply was billed for; 0 when unknown.
	OutputTokens int64
}

// Flight is one attempt under way. Done must be called once.
type Flight struct {
	h     *Health
	t     *target
	probe bool
}

// Begin counts an attempt in. It is false, and nothing is counted, when the target
// rests because its circuit is open, another attempt is already probing it, or its
// key or quota is spent. Unlike Available it lets retries pass during the rest
// after a 429: they have waited for it themselves.
func (h *Health) Begin(id string) (Flight, bool) {
	t, now := h.target(id), h.now()
	if why, _ := t.of.resting(now); why != "" {
		return Flight{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	probe, ok := t.circuit.enter(now, h.o.MaxOpen)
	if !ok {
		return Flight{}, false
	}
	t.inflight.Add(1)
	return Flight{h, t, probe}, true
}

// FirstToken reports that the target has begun to answer. It ends the probing of an
// open circuit, so that the target is not kept from others until a long stream is
// over. It is optional and may be called more than once.
func (f Flight) FirstToken() {
	if !f.probe {
		return
	}
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	f.t.circuit.close()
}

// Done counts the attempt out and learns from it.
func (f Flight) Done(o Outcome) {
	f.t.inflight.Add(-1)
	now := f.h.now()
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	if o.Header != nil {
		f.t.learnLimits(readRemaining(o.Header, now))
	}
	switch verdictOn(o) {
	case good:
		f.t.circuit.succeed(f.probe)
		f.t.rest.clear()
		f.t.errors.add(now, 1, 0)
		f.t.speed.add(now, o)
	case bad:
		f.t.errors.add(now, 0, 1)
		f.fail(now, o)
	case throttled:
		f.t.errors.add(now, 0, 1)
		f.t.circuit.release(f.probe)
		f.t.rest.extend(now, f.h.o, o.RetryAfter)
	case locked:
		f.t.errors.add(now, 0, 1)
		f.lock(now, o)
	default:
		f.t.circuit.release(f.probe)
	}
}

// fail counts a failure towards opening the circuit.
func (f Flight) fail(now time.Time, o Outcome) {
	tooMany := f.t.errors.share(now, f.h.o.ErrorShare)
	f.t.circuit.fail(now, f.h.o, string(o.Fault), f.probe, tooMany)
}

// lock rests a target whose key or quota is spent; a key that the provider does not
// know, or an account without money, rests all the provider's targets.
func (f Flight) lock(now time.Time, o Outcome) {
	d := min(max(f.h.o.LongRest, o.RetryAfter), maxRetryAfter)
	why := string(o.Fault)
	if o.Status == http.StatusPaymentRequired || o.Fault == llm.FaultAuth && o.Status != http.StatusForbidden {
		f.t.of.rests.Store(&spell{now.Add(d), why})
		f.t.circuit.release(f.probe)
		return
	}
	f.t.circuit.open(now.Add(d), why)
}

// verdict is what an outcome says about the target.
type verdict int

const (
	neutral   verdict = iota // nothing: the caller left, or our own module failed
	good                     // it answers, if only to say that the request is wrong
	bad                      // it fails
	throttled                // it wants less
	locked                   // it wants another key or money
)

func verdictOn(o Outcome) verdict {
	switch o.Fault {
	case llm.FaultCanceled, llm.FaultTransform, llm.FaultResting, llm.FaultBudget, llm.FaultUnsupported:
		return neutral
	case llm.FaultRateLimited:
		return throttled
	case llm.FaultQuota, llm.FaultAuth:
		return locked
	case llm.FaultServer, llm.FaultNetwork, llm.FaultTimeout, llm.FaultCut, llm.FaultNotFound:
		return bad
	case llm.FaultMalformed:
		if o.Status >= 400 && o.Status < 500 {
			return neutral // one request's tool call went wrong, not the target
		}
		return bad
	}
	return good
}

func (t *target) learnLimits(r remaining) {
	if r.requests >= 0 {
		t.left.requests, t.left.requestsUntil = r.requests, r.requestsUntil
	}
	if r.tokens >= 0 {
		t.left.tokens, t.left.tokensUntil = r.tokens, r.tokensUntil
	}
}
