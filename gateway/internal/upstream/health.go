package upstream

import (
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// HealthOptions set when targets rest. Zero values mean the defaults.
type HealthOptions struct {
	// Failures in a row open a target's circuit. Zero means 3.
	Failures int
	// ErrorShare opens the circuit too, once at least 10 recent attempts have been
	// seen. Zero means 0.5.
	ErrorShare float64
	// MinOpen is how long a circuit stays open the first time; every failed probe
	// doubles it up to MaxOpen. Zero means 5 s and 30 s.
	MinOpen, MaxOpen time.Duration
	// MinRest is the rest after a 429 that does not say how long; each further one
	// doubles it up to MaxRest. Zero means 1 s and 30 s.
	MinRest, MaxRest time.Duration
	// LongRest is the rest after a refused key or a spent quota. Zero means 5 min.
	LongRest time.Duration
}

func (o HealthOptions) withDefaults() HealthOptions {
	or := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	or(&o.MinOpen, 5*time.Second)
	or(&o.MaxOpen, 30*time.Second)
	or(&o.MinRest, time.Second)
	or(&o.MaxRest, 30*time.Second)
	or(&o.LongRest, 5*time.Minute)
	if o.Failures <= 0 {
		o.Failures = 3
	}
	if o.ErrorShare <= 0 {
		o.ErrorShare = 0.5
	}
	return o
}

// Health keeps the live figures of targets and says which of them rest. It is safe
// for concurrent use. Targets are known by their id, "provider/model"; it remembers
// each one that was ever begun until Retain drops it.
type Health struct {
	o   HealthOptions
	now func() time.Time
	// targets and providers hold *target and *provider. A target's figures are
	// written under its own lock and read without.
	targets, providers sync.Map
}

// NewHealth makes an empty Health that tells the time by now.
func NewHealth(o HealthOptions, now func() time.Time) *Health {
	return &Health{o: o.withDefaults(), now: now}
}

// target is what is known of one target.
type target struct {
	of       *provider
	inflight atomic.Int64

	mu      sync.Mutex // for writing what follows
	circuit circuit
	rest    rest
	speed   speed
	errors  errorShare
	left    remaining
}

// provider is what all targets of one provider share: a refused key rests them all.
type provider struct {
	until atomic.Int64 // Unix nanoseconds
	why   atomic.Pointer[string]
}

func (h *Health) target(id string) *target {
	if t, ok := h.targets.Load(id); ok {
		return t.(*target)
	}
	name, _, _ := strings.Cut(id, "/")
	p, _ := h.providers.LoadOrStore(name, &provider{})
	t, _ := h.targets.LoadOrStore(id, &target{
		of:   p.(*provider),
		left: remaining{requests: -1, tokens: -1},
	})
	return t.(*target)
}

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
	if t.of.until.Load() > now.UnixNano() {
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
		f.t.circuit.close()
		f.t.rest.clear()
		f.t.errors.add(now, 1, 0)
		f.t.speed.add(now, o)
	case bad:
		f.t.errors.add(now, 0, 1)
		f.t.circuit.fail(now, f.h.o, f.probe, f.t.errors.share(now, f.h.o.ErrorShare))
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

// lock rests a target whose key or quota is spent; a key that the provider does not
// know, or an account without money, rests all the provider's targets.
func (f Flight) lock(now time.Time, o Outcome) {
	d := min(max(f.h.o.LongRest, o.RetryAfter), maxRetryAfter)
	why := string(o.Fault)
	if o.Status == http.StatusPaymentRequired || o.Fault == llm.FaultAuth && o.Status != http.StatusForbidden {
		f.t.of.why.Store(&why)
		f.t.of.until.Store(now.Add(d).UnixNano())
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
	case llm.FaultCanceled, llm.FaultTransform:
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

// Available reports whether the target may be asked now, and else why not and until
// when. It changes nothing: of those that find a resting target available again,
// one gets through Begin as its probe.
func (h *Health) Available(id string) (ok bool, why string, until time.Time) {
	v, known := h.targets.Load(id)
	if !known {
		return h.providerAvailable(id)
	}
	t, now := v.(*target), h.now()
	if u := t.of.until.Load(); u > now.UnixNano() {
		return false, *t.of.why.Load(), time.Unix(0, u)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	why, until = t.resting(now, h.o.MaxOpen)
	return why == "", why, until
}

// providerAvailable answers for a target that has not been asked yet.
func (h *Health) providerAvailable(id string) (bool, string, time.Time) {
	name, _, _ := strings.Cut(id, "/")
	if v, ok := h.providers.Load(name); ok {
		p := v.(*provider)
		if u := p.until.Load(); u > h.now().UnixNano() {
			return false, *p.why.Load(), time.Unix(0, u)
		}
	}
	return true, "", time.Time{}
}

// resting says why the target rests, empty when it does not.
func (t *target) resting(now time.Time, patience time.Duration) (string, time.Time) {
	if until := t.circuit.resting(now, patience); !until.IsZero() {
		return t.circuit.why, until
	}
	if now.Before(t.rest.until) {
		return string(llm.FaultRateLimited), t.rest.until
	}
	return "", time.Time{}
}

// Stats are the target's figures at this moment.
func (h *Health) Stats(id string) llm.Stats {
	v, known := h.targets.Load(id)
	if !known {
		s := llm.Stats{RemainingRequests: -1, RemainingTokens: -1}
		_, s.CoolingFor, s.CoolingUntil = h.providerAvailable(id)
		return s
	}
	t, now := v.(*target), h.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := llm.Stats{
		Inflight:          t.inflight.Load(),
		TTFT:              t.speed.ttft(),
		TPS:               t.speed.tps.mean,
		ErrorRate:         t.errors.rate(now),
		RemainingRequests: t.left.requests,
		RemainingTokens:   t.left.tokens,
	}
	if !now.Before(t.left.requestsUntil) {
		s.RemainingRequests = -1
	}
	if !now.Before(t.left.tokensUntil) {
		s.RemainingTokens = -1
	}
	if u := t.of.until.Load(); u > now.UnixNano() {
		s.CoolingFor, s.CoolingUntil = *t.of.why.Load(), time.Unix(0, u)
		return s
	}
	s.CoolingFor, s.CoolingUntil = t.resting(now, h.o.MaxOpen)
	return s
}

// Forgive ends the rest of a provider and all its targets, for when its key has
// been changed.
func (h *Health) Forgive(name string) {
	h.targets.Range(func(id, v any) bool {
		t := v.(*target)
		if p, _, _ := strings.Cut(id.(string), "/"); p == name {
			t.mu.Lock()
			t.circuit.close()
			t.rest.clear()
			t.mu.Unlock()
		}
		return true
	})
	if p, ok := h.providers.Load(name); ok {
		p.(*provider).until.Store(math.MinInt64)
	}
}

// Retain forgets every target whose id is not among these. Attempts under way end
// well, but nothing is learnt from them.
func (h *Health) Retain(ids []string) {
	keep, keepProviders := map[string]bool{}, map[string]bool{}
	for _, id := range ids {
		name, _, _ := strings.Cut(id, "/")
		keep[id], keepProviders[name] = true, true
	}
	drop := func(m *sync.Map, keep map[string]bool) {
		m.Range(func(id, _ any) bool {
			if !keep[id.(string)] {
				m.Delete(id)
			}
			return true
		})
	}
	drop(&h.targets, keep)
	drop(&h.providers, keepProviders)
}
