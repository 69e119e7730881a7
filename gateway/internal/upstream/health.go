package upstream

import (
	"math/rand/v2"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// HealthOptions set when targets cool down. Zero values mean the defaults.
type HealthOptions struct {
	// Failures in a row open a target's circuit, those of one request or one moment
	// counted once. Zero means 3.
	Failures int
	// ErrorShare opens the circuit too, once at least 10 recent attempts have been
	// seen. Zero means 0.5.
	ErrorShare float64
	// MinOpen is how long a circuit stays open the first time; every failed probe
	// doubles it up to MaxOpen, and up to a quarter is taken off at random. Once the
	// target has answered, it begins at MinOpen again. Zero means 5 s and 10 s.
	MinOpen, MaxOpen time.Duration
	// MinCooldown is the cooldown after a 429 that does not say how long; each further
	// one doubles it up to MaxCooldown. Zero means 1 s and 30 s.
	MinCooldown, MaxCooldown time.Duration
	// DeniedCooldown is the cooldown after a refused key or an exhausted quota that a
	// second request has confirmed within this time. Zero means 5 min.
	DeniedCooldown time.Duration
	// Known reports which targets have figures of their own from the beginning: those that
	// an operator or the catalog names, not a caller. Any other target shares the figures
	// of all unknown ones of its provider until it has answered once. Nil means that all
	// targets are known. It must be fast and safe for concurrent use.
	Known func(id string) bool
	// Changes has changes of targets' states noted for TakeChanges.
	Changes bool
	// Random returns numbers in [0, 1) for jitter. Nil means math/rand.
	Random func() float64
}

func (o HealthOptions) withDefaults() HealthOptions {
	or := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	or(&o.MinOpen, 5*time.Second)
	or(&o.MaxOpen, 10*time.Second)
	or(&o.MinCooldown, time.Second)
	or(&o.MaxCooldown, 30*time.Second)
	or(&o.DeniedCooldown, 5*time.Minute)
	if o.Failures <= 0 {
		o.Failures = 3
	}
	if o.ErrorShare <= 0 {
		o.ErrorShare = 0.5
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	return o
}

// Health keeps the live figures of targets and which of them cool down. It is safe for
// concurrent use. A target's id is "provider/model". What it remembers is bounded by what
// operators name, whatever callers ask for.
type Health struct {
	o   HealthOptions
	now func() time.Time
	registry
	openings
	changes changes
	// usual is what plain replies are measured by where nothing better is known.
	usual shape
}

// NewHealth makes an empty Health. now is its clock.
func NewHealth(o HealthOptions, now func() time.Time) *Health {
	return &Health{o: o.withDefaults(), now: now}
}

// Cooling returns why a target must not be called now with any of its provider's
// credentials, and until when; why is empty when it may be. It changes nothing: when a
// cooldown is over, Begin lets one call through as the probe. After a 429 a target cools
// down only if the provider has said for how long.
func (h *Health) Cooling(id string, credentials ...*Credential) (why string, until time.Time) {
	t, now := h.findOrAdd(id, h.o.Known), h.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	b := h.blockOfTarget(id, t, credentials, now, false)
	return b.why, b.until
}

// blockOfTarget returns until when a target must not be used: as long as an operator or its
// circuit has it open, or all of its lanes are blocked. hint counts a pause after a 429, too,
// that the provider has not asked for. The target's lock is held.
func (h *Health) blockOfTarget(id string, t *target, credentials []*Credential, now time.Time, hint bool) block {
	first := h.blockOf(t, credentials, 0, now, hint)
	for i := 1; i < lanes(credentials); i++ {
		if b := h.blockOf(t, credentials, i, now, hint); b.until.Before(first.until) {
			first = b
		}
	}
	return first.and(blocked(t.circuit.blockedUntil(now, h.o.MaxOpen), t.circuit.why)).and(h.openings.block(id, now))
}

// Stats returns the target's figures at this moment. Of several credentials, what is left
// is that of the one with most left that can be used.
func (h *Health) Stats(id string, credentials ...*Credential) llm.Stats {
	t, now := h.findOrAdd(id, h.o.Known), h.now()
	s := llm.Stats{RemainingRequests: -1, RemainingTokens: -1, RequestsLeft: -1, TokensLeft: -1}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.figures(&s, now, &h.usual)
	for i := range lanes(credentials) {
		if lanes(credentials) == 1 || h.blockOf(t, credentials, i, now, true).why == "" {
			t.laneOf(credentials, i).addLeft(&s, now)
		}
	}
	b := h.blockOfTarget(id, t, credentials, now, true)
	s.CoolingFor, s.CoolingUntil = b.why, b.until
	return s
}

// Errors returns the decayed share of attempts at a target that have failed, by class: all
// classes, in a fixed order.
func (h *Health) Errors(id string) []ErrorShare {
	t, now := h.findOrAdd(id, h.o.Known), h.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.circuit.halfOpen(now) {
		return (&errorRates{}).shares(now)
	}
	return t.errors.shares(now)
}

// figures writes the target's figures except for what concerns its credentials. The lock is
// held.
func (t *target) figures(s *llm.Stats, now time.Time, usual *shape) {
	s.Inflight = t.inflight.Load()
	first, tps := t.speed.figures(now, usual)
	s.TTFT, s.TPS = llm.RecordedMillis(first), tps
	s.TTFTP50, s.TTFTP95 = llm.RecordedMillis(t.speed.firstToken.p50), llm.RecordedMillis(t.speed.firstToken.p95)
	if !t.circuit.halfOpen(now) { // else nothing is known of now, and a probe should not be put off
		s.ErrorRate, s.FailingBy = t.errors.rate(now)
		s.Samples = t.errors.samples(now)
	}
}

// addLeft raises what is left to what is left of this lane's limits.
func (l *lane) addLeft(s *llm.Stats, now time.Time) {
	if r := l.left.requests(now); r.count > s.RemainingRequests {
		s.RemainingRequests, s.RequestsLeft = r.count, r.share
	}
	if t := l.left.tokens(now); t.count > s.RemainingTokens {
		s.RemainingTokens, s.TokensLeft = t.count, t.share
	}
}
