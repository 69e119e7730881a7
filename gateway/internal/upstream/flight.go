package upstream

import (
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/ratelimit"
)

// Outcome is the result of an attempt.
type Outcome struct {
	Fault  llm.Fault
	Status int
	// Credential means that a FaultAuth or FaultQuota is about the key or the account
	// itself and not about this model or request.
	Credential bool
	// RetryAfter is how long the provider asked to wait; 0 means that it did not.
	RetryAfter time.Duration
	// Header is the reply's, which may show the provider's limits; it may be nil.
	Header http.Header
	// FirstToken is the time from the attempt's start to the first piece of content, 0
	// when that was not seen, as in a plain reply. Duration is the whole attempt.
	FirstToken, Duration time.Duration
	// OutputTokens is the number that the reply was billed for; 0 when unknown.
	OutputTokens int64
}

// Flight is one attempt in flight. Done must be called once.
type Flight struct {
	h           *Health
	t           *target
	id, request string
	began       time.Time
	probe       bool
}

// Begin counts an attempt of a request. It returns false, and nothing is counted, when
// the target is cooling down: its circuit is open, another attempt is probing it, its key
// is refused, its quota is exhausted, or it has asked to wait.
func (h *Health) Begin(id, request string) (Flight, bool) {
	t, now := h.findOrAdd(id, h.o.Known), h.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if why, _ := t.cooling(now, h.o.MaxOpen, t.throttle.asked); why != "" {
		return Flight{}, false
	}
	probe, ok := t.circuit.allow(now, h.o.MaxOpen)
	if !ok {
		return Flight{}, false
	}
	t.inflight.Add(1)
	return Flight{h, t, id, request, now, probe}, true
}

// FirstToken notes that the target has begun to answer. It closes a circuit that was
// being probed, so that other calls need not wait for the end of a long stream. It is
// optional and may be called more than once.
func (f Flight) FirstToken() {
	if !f.probe {
		return
	}
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	f.t.circuit.close()
}

// Done ends the attempt and records its outcome.
func (f Flight) Done(o Outcome) {
	f.t.inflight.Add(-1)
	if f.record(o) == good && o.Fault == llm.FaultNone && f.t.shared {
		f.h.promote(f.id, f.t.of)
	}
}

func (f Flight) record(o Outcome) outcomeClass {
	now, class := f.h.now(), classOf(o)
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	if o.Header != nil {
		f.t.updateRemaining(ratelimit.Read(o.Header, now))
	}
	if f.requestFault(now, o) {
		class = neutral
	}
	switch class {
	case good:
		f.succeed(now, o)
	case bad:
		f.fail(now, o)
	case throttled:
		f.throttle(now, o)
	case denied:
		f.deny(now, o)
	default:
		f.t.circuit.release(f.probe)
	}
	return class
}

// existsFor is for how long after an answer a target is taken to exist.
const existsFor = time.Minute

// requestFault reports whether a refusal is probably the request's fault: a made-up name,
// or something that is not found although the target itself has answered recently.
func (f Flight) requestFault(now time.Time, o Outcome) bool {
	switch o.Fault {
	case llm.FaultNotFound:
		return f.t.shared || now.Sub(f.t.answered) < existsFor
	case llm.FaultAuth, llm.FaultQuota:
		return f.t.shared && !o.Credential && o.Status != http.StatusTooManyRequests
	}
	return false
}

func (f Flight) succeed(now time.Time, o Outcome) {
	f.t.circuit.succeed(f.probe)
	f.t.answered = now
	f.t.throttle.clear()
	f.t.errors.add(now, 1, 0)
	f.t.circuitErrors.add(now, 1, 0)
	f.t.speed.add(now, o)
	f.t.refusals.reset()
	f.t.of.refusals.reset()
}

// fail counts a failure towards opening the circuit. Failures of attempts that began
// before it opened change nothing.
func (f Flight) fail(now time.Time, o Outcome) {
	t := f.t
	t.errors.add(now, 0, 1)
	if !t.circuit.until.IsZero() && !f.probe {
		return
	}
	counted := t.circuit.count(now, f.request, f.began)
	if counted || o.Fault != llm.FaultTimeout { // under load, many time out at one moment
		t.circuitErrors.add(now, 0, 1)
	}
	if f.probe || t.circuit.failures >= f.h.o.Failures || t.circuitErrors.exceeds(now, f.h.o.ErrorShare) {
		t.circuit.trip(now, &f.h.o, string(o.Fault))
	}
}

func (f Flight) throttle(now time.Time, o Outcome) {
	f.t.errors.add(now, 0, 1)
	f.t.circuit.release(f.probe)
	f.t.throttle.extend(now, &f.h.o, o.RetryAfter)
}

// deny cools down a target whose key or quota is refused, and all the provider's targets
// if it is the key or the account itself, once a second request gets the same refusal.
// The first one counts as a failure of the target, or as a 429.
func (f Flight) deny(now time.Time, o Outcome) {
	if o.Fault == llm.FaultAuth && !o.Credential {
		f.fail(now, o) // it may be what this request asks for that the key may not use
		return
	}
	cooling := f.h.o.DeniedCooldown
	refusals := &f.t.refusals
	if o.Credential {
		refusals = &f.t.of.refusals
	}
	confirmed := refusals.confirm(now, f.request, cooling)
	switch {
	case !confirmed && o.Status == http.StatusTooManyRequests:
		f.throttle(now, o)
		return
	case !confirmed:
		f.fail(now, o)
		return
	}
	f.t.errors.add(now, 0, 1)
	f.t.circuit.release(f.probe)
	until := now.Add(min(max(cooling, o.RetryAfter), ratelimit.MaxDelay))
	if o.Credential {
		f.t.of.cooldown.Store(&cooldown{until, string(o.Fault)})
		return
	}
	f.t.circuit.open(until, string(o.Fault))
}

// outcomeClass is what an outcome means for the target.
type outcomeClass int

const (
	neutral   outcomeClass = iota // nothing: the caller left, or the gateway's own module failed
	good                          // it answers, be it that the request is wrong
	bad                           // it fails
	throttled                     // it wants fewer calls
	denied                        // it wants another key, or to be paid
)

func classOf(o Outcome) outcomeClass {
	switch o.Fault {
	case llm.FaultCanceled, llm.FaultTransform, llm.FaultDiverged, llm.FaultCooling, llm.FaultBudget, llm.FaultUnsupported, llm.FaultRefused:
		return neutral
	case llm.FaultRateLimited:
		return throttled
	case llm.FaultQuota, llm.FaultAuth:
		return denied
	case llm.FaultServer:
		if o.Status == http.StatusConflict || o.Status == http.StatusTooEarly {
			return neutral // two requests conflict with each other
		}
		return bad
	case llm.FaultNetwork, llm.FaultTimeout, llm.FaultCut, llm.FaultNotFound:
		return bad
	case llm.FaultMalformed:
		if o.Status >= 400 && o.Status < 500 {
			return neutral // one request's tool call went wrong, not the target
		}
		return bad
	}
	return good
}

// updateRemaining takes over what a reply says about the provider's limits.
func (t *target) updateRemaining(r ratelimit.Remaining) {
	if r.Requests >= 0 {
		t.left.Requests, t.left.RequestShare, t.left.RequestsUntil = r.Requests, r.RequestShare, r.RequestsUntil
	}
	if r.Tokens >= 0 {
		t.left.Tokens, t.left.TokenShare, t.left.TokensUntil = r.Tokens, r.TokenShare, r.TokensUntil
	}
}
