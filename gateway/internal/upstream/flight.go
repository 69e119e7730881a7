package upstream

import (
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/ratelimit"
)

// Flight is one attempt in flight. Done must be called once.
type Flight struct {
	h           *Health
	t           *target
	lane        *lane
	id          string
	credentials []*Credential
	chosen      int // of the credentials
	// sent is what the lane has been sent, this attempt included.
	sent sent
	// The attempt as the circuits of the target, the lane and the account see it.
	inTarget, inLane, inAccount attempt
}

// Begin counts an attempt of a request, and chooses the credential that it is made with. It
// returns false, and nothing is counted, when the target is cooling down: its circuit is
// open, another attempt is probing it, its keys are refused, their quota is exhausted, the
// provider has asked to wait, or an operator has opened it.
func (h *Health) Begin(id string, a Asking) (Flight, bool) {
	t, now := h.findOrAdd(id, h.o.Known), h.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.LastResort {
		t.circuit.hasten(now)
	}
	h.noteState(id, t, a.Credentials, now)
	if h.openings.block(id, now).why != "" || !t.circuit.blockedUntil(now, h.o.MaxOpen).IsZero() {
		return Flight{}, false
	}
	f := Flight{h: h, t: t, id: id, credentials: a.Credentials, inTarget: attempt{request: a.Request, began: now}}
	if !f.enter(&a, now) {
		return Flight{}, false
	}
	f.sent = f.lane.send(a.Tokens)
	f.inTarget.probe, _ = t.circuit.allow(now, h.o.MaxOpen)
	t.asked = now
	t.inflight.Add(1)
	return f, true
}

// enter chooses the attempt's lane. It reports whether there is one. The target's lock is
// held.
func (f *Flight) enter(a *Asking, now time.Time) bool {
	for skip := uint64(0); ; {
		i, _, ok := f.h.choose(f.t, a, now, skip)
		if !ok {
			return false
		}
		l := f.t.laneOf(a.Credentials, i)
		probe, ok := l.account.allow(now, f.h.o.MaxOpen)
		if !ok { // an attempt at another target has begun to probe it
			skip |= 1 << i
			continue
		}
		f.lane, f.chosen, f.inLane, f.inAccount = l, i, f.inTarget, f.inTarget
		f.inAccount.probe = probe
		f.inLane.probe, _ = l.circuit.allow(now, f.h.o.MaxOpen)
		return true
	}
}

func (a *account) allow(now time.Time, maxProbe time.Duration) (probe, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.circuit.allow(now, maxProbe)
}

// Credential returns the ID of the credential that the attempt is made with; empty when the
// provider has no several ones.
func (f Flight) Credential() string {
	if len(f.credentials) == 0 {
		return ""
	}
	return f.credentials[f.chosen].ID
}

// FirstToken notes that the target has begun to answer so long after the attempt's start, and
// what the reply's headers say of its limits, so that routing need not wait for the end of a
// long stream. It closes a circuit that was being probed. It is called at most once, and not
// for a reply that comes in one piece; a time of 0 is not noted.
func (f Flight) FirstToken(after time.Duration, header http.Header) {
	now := f.h.now()
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	f.lane.updateRemaining(header, f.sent, now)
	if after > 0 {
		f.t.speed.begin(now, after)
	}
	f.answer()
	f.h.noteState(f.id, f.t, f.credentials, now)
}

// answer notes that the attempt was answered, which closes the circuits that it was probing. The target's lock is held.
func (f Flight) answer() {
	if f.t.circuit.answer(f.inTarget) {
		f.t.errors = errorRates{}
	}
	f.lane.circuit.answer(f.inLane)
	f.lane.account.mu.Lock()
	defer f.lane.account.mu.Unlock()
	f.lane.account.circuit.answer(f.inAccount)
}

// Done ends the attempt and records its outcome.
func (f Flight) Done(o Outcome) {
	f.t.inflight.Add(-1)
	if f.record(o) == good && f.t.shared {
		f.h.promote(f.id, f.t.of)
	}
}

func (f Flight) record(o Outcome) outcomeClass {
	now, class := f.h.now(), classOf(o)
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	f.lane.updateRemaining(o.Header, f.sent, now)
	if f.requestFault(now, o) {
		class = neutral
	}
	switch class {
	case neutral:
		f.givenUp(now, o)
	case good:
		f.succeed(now, o)
	case answered:
		f.answer()
		f.accepted(now)
	case bad:
		f.countFailure(now, o)
		f.t.circuit.fail(now, f.inTarget, &o, &f.h.o)
	case throttled:
		f.throttle(now, o)
	case denied:
		f.deny(now, o)
	}
	f.release()
	f.h.noteState(f.id, f.t, f.credentials, now)
	return class
}

// release ends the probes that the outcome has not decided: the next call may be the probe.
// The target's lock is held.
func (f Flight) release() {
	f.t.circuit.release(f.inTarget)
	f.lane.circuit.release(f.inLane)
	f.lane.account.mu.Lock()
	defer f.lane.account.mu.Unlock()
	f.lane.account.circuit.release(f.inAccount)
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
	if f.t.circuit.succeed(now, f.inTarget) {
		f.t.errors = errorRates{}
	}
	if !o.Probe {
		f.t.errors.succeed(now)
		f.t.speed.add(now, o, &f.h.usual)
	}
	f.lane.circuit.succeed(now, f.inLane)
	f.lane.account.mu.Lock()
	f.lane.account.circuit.succeed(now, f.inAccount)
	f.lane.account.mu.Unlock()
	f.accepted(now)
}

// givenUp takes in what an attempt shows of the target's speed that somebody else ended.
func (f Flight) givenUp(now time.Time, o Outcome) {
	switch {
	case o.Fault != llm.FaultCanceled:
	case o.FirstToken > 0:
		f.t.speed.end(now, o)
	case o.Silent > 0:
		f.t.speed.addSilence(now, o.Silent, &f.h.usual)
	}
}

// accepted notes that the target has answered, and has not refused the credential.
func (f Flight) accepted(now time.Time) {
	f.t.answered = now
	f.lane.throttle.clear()
	f.lane.refusals.reset()
	f.lane.account.mu.Lock()
	defer f.lane.account.mu.Unlock()
	f.lane.account.refusals.reset()
}

// throttle cools down the lane. What the provider asks for one name says nothing about the
// others that a shared target stands for: there it is a hint only, and keeps no call back.
func (f Flight) throttle(now time.Time, o Outcome) {
	asked := o.RetryAfter
	if f.t.shared {
		asked = 0
	}
	f.lane.throttle.extend(now, &f.h.o, asked)
	f.countRefusal(now, o)
}

// countRefusal counts a refusal of the credential as the target's failure, unless another
// credential is free: then the target can be used.
func (f Flight) countRefusal(now time.Time, o Outcome) {
	if len(f.credentials) > 1 {
		if _, free, _ := f.h.choose(f.t, &Asking{Request: f.inTarget.request, Credentials: f.credentials}, now, 1<<f.chosen); free {
			return
		}
	}
	f.countFailure(now, o)
}

// countFailure counts a failure in the target's error rate, but for that of a probe.
func (f Flight) countFailure(now time.Time, o Outcome) {
	if !o.Probe {
		f.t.errors.fail(now, o.Fault)
	}
}

// deny cools down a credential whose key or quota is refused at this target, or at all the
// provider's targets if it is the key or the account itself, once a second request gets the
// same refusal, or the probe after an earlier one. The first one counts as a failure, or as
// a 429.
func (f Flight) deny(now time.Time, o Outcome) {
	until := now.Add(min(max(f.h.o.DeniedCooldown, o.RetryAfter), ratelimit.MaxDelay))
	confirmed := false
	switch {
	case o.Credential:
		confirmed = f.lane.account.refuse(now, f.inAccount, until, o, &f.h.o)
	case o.Fault == llm.FaultQuota && !f.t.shared: // a FaultAuth may be about what this request asks for
		if confirmed = f.lane.refusals.confirm(now, f.inTarget.request, f.h.o.DeniedCooldown); confirmed {
			f.lane.circuit.open(until, string(o.Fault))
		}
	}
	switch {
	case confirmed:
	case o.Status == http.StatusTooManyRequests:
		f.throttle(now, o)
		return
	default:
		f.lane.circuit.fail(now, f.inLane, &o, &f.h.o)
	}
	f.countRefusal(now, o)
}

// refuse notes a refusal of the key or account itself, and reports whether it is confirmed.
func (a *account) refuse(now time.Time, l attempt, until time.Time, o Outcome, h *HealthOptions) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.circuit.probes(l) && !a.refusals.confirm(now, l.request, h.DeniedCooldown) {
		return false
	}
	a.circuit.open(until, string(o.Fault))
	return true
}
