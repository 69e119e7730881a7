package upstream

import (
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/ratelimit"
)

// Outcome is what became of an attempt.
type Outcome struct {
	Fault  llm.Fault
	Status int
	// Credential says that a FaultAuth or FaultQuota is about the key or the account
	// itself and not about this model or request.
	Credential bool
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
	h           *Health
	t           *target
	id, request string
	began       time.Time
	probe       bool
}

// Begin counts an attempt of a request in. It is false, and nothing is counted, when
// the target rests: its circuit is open, another attempt is already probing it, its key
// or quota is spent, or it has asked to be left alone.
func (h *Health) Begin(id, request string) (Flight, bool) {
	t, now := h.enter(id, h.o.Known), h.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if why, _ := t.resting(now, h.o.MaxOpen, t.rest.firm); why != "" {
		return Flight{}, false
	}
	probe, ok := t.circuit.enter(now, h.o.MaxOpen)
	if !ok {
		return Flight{}, false
	}
	t.inflight.Add(1)
	return Flight{h, t, id, request, now, probe}, true
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
	if f.learn(o) == good && o.Fault == llm.FaultNone && f.t.shared {
		f.h.prove(f.id, f.t.of)
	}
}

func (f Flight) learn(o Outcome) outcomeClass {
	now, v := f.h.now(), classOf(o)
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	if o.Header != nil {
		f.t.learnLimits(ratelimit.Read(o.Header, now))
	}
	if f.ofTheRequest(now, o) {
		v = neutral
	}
	switch v {
	case good:
		f.succeed(now, o)
	case bad:
		f.fail(now, o)
	case throttled:
		f.throttle(now, o)
	case locked:
		f.lock(now, o)
	default:
		f.t.circuit.release(f.probe)
	}
	return v
}

// lately is for how long after an answer a target is taken to be there.
const lately = time.Minute

// ofTheRequest reports a refusal that is the request's own, for all that is known: a
// name that somebody made up, or something else that is missing where the target itself
// has answered lately.
func (f Flight) ofTheRequest(now time.Time, o Outcome) bool {
	switch o.Fault {
	case llm.FaultNotFound:
		return f.t.shared || now.Sub(f.t.answered) < lately
	case llm.FaultAuth, llm.FaultQuota:
		return f.t.shared && !o.Credential && o.Status != http.StatusTooManyRequests
	}
	return false
}

func (f Flight) succeed(now time.Time, o Outcome) {
	f.t.circuit.succeed(f.probe)
	f.t.answered = now
	f.t.rest.clear()
	f.t.errors.add(now, 1, 0)
	f.t.evidence.add(now, 1, 0)
	f.t.speed.add(now, o)
	f.t.suspicion.dismiss()
	f.t.of.suspicion.dismiss()
}

// fail counts a failure towards opening the circuit. Failures of attempts from before
// it opened change nothing.
func (f Flight) fail(now time.Time, o Outcome) {
	t := f.t
	t.errors.add(now, 0, 1)
	if !t.circuit.until.IsZero() && !f.probe {
		return
	}
	counted := t.circuit.count(now, f.request, f.began)
	if counted || o.Fault != llm.FaultTimeout { // under load, many time out at one moment
		t.evidence.add(now, 0, 1)
	}
	if f.probe || t.circuit.failures >= f.h.o.Failures || t.evidence.share(now, f.h.o.ErrorShare) {
		t.circuit.trip(now, &f.h.o, string(o.Fault))
	}
}

func (f Flight) throttle(now time.Time, o Outcome) {
	f.t.errors.add(now, 0, 1)
	f.t.circuit.release(f.probe)
	f.t.rest.extend(now, &f.h.o, o.RetryAfter)
}

// lock rests a target whose key or quota is refused, and all the provider's targets if
// it is the key or the account itself, once a second request has met the same refusal.
// The first one counts as a failure of the target, or as a request to slow down.
func (f Flight) lock(now time.Time, o Outcome) {
	if o.Fault == llm.FaultAuth && !o.Credential {
		f.fail(now, o) // it may be what this request asks for that the key may not use
		return
	}
	rests := f.h.o.LongRest
	suspicion := &f.t.suspicion
	if o.Credential {
		suspicion = &f.t.of.suspicion
	}
	confirmed := suspicion.confirm(now, f.request, rests)
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
	until := now.Add(min(max(rests, o.RetryAfter), ratelimit.MaxDelay))
	if o.Credential {
		f.t.of.rests.Store(&spell{until, string(o.Fault)})
		return
	}
	f.t.circuit.open(until, string(o.Fault))
}

// outcomeClass is what an outcome says about the target.
type outcomeClass int

const (
	neutral   outcomeClass = iota // nothing: the caller left, or our own module failed
	good                          // it answers, if only to say that the request is wrong
	bad                           // it fails
	throttled                     // it wants less
	locked                        // it wants another key or money
)

func classOf(o Outcome) outcomeClass {
	switch o.Fault {
	case llm.FaultCanceled, llm.FaultTransform, llm.FaultResting, llm.FaultBudget, llm.FaultUnsupported, llm.FaultRefused:
		return neutral
	case llm.FaultRateLimited:
		return throttled
	case llm.FaultQuota, llm.FaultAuth:
		return locked
	case llm.FaultServer:
		if o.Status == http.StatusConflict || o.Status == http.StatusTooEarly {
			return neutral // two requests are in each other's way
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

func (t *target) learnLimits(r ratelimit.Remaining) {
	if r.Requests >= 0 {
		t.left.Requests, t.left.RequestsUntil = r.Requests, r.RequestsUntil
	}
	if r.Tokens >= 0 {
		t.left.Tokens, t.left.TokensUntil = r.Tokens, r.TokensUntil
	}
}
