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
}

// NewHealth makes an empty Health. now is its clock.
func NewHealth(o HealthOptions, now func() time.Time) *Health {
	return &Health{o: o.withDefaults(), now: now}
}

// Cooling returns why a target must not be called now, and until when; why is empty when
// it may be. It changes nothing: when a cooldown is over, Begin lets one call through as
// the probe. After a 429 a target cools down only if the provider has said for how long.
func (h *Health) Cooling(id string) (why string, until time.Time) {
	t, p := h.find(id, h.o.Known)
	if t == nil {
		return p.cooling(h.now())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cooling(h.now(), h.o.MaxOpen, t.throttle.asked)
}

// cooling returns why the target is cooling down, empty when it is not, and until when.
// throttled is until when it is after a 429.
func (t *target) cooling(now time.Time, maxProbe time.Duration, throttled time.Time) (string, time.Time) {
	if why, until := t.of.cooling(now); why != "" {
		return why, until
	}
	if until := t.circuit.blockedUntil(now, maxProbe); !until.IsZero() {
		return t.circuit.why, until
	}
	if now.Before(throttled) {
		return string(llm.FaultRateLimited), throttled
	}
	return "", time.Time{}
}

// Stats returns the target's figures at this moment.
func (h *Health) Stats(id string) llm.Stats {
	now := h.now()
	t, p := h.find(id, h.o.Known)
	if t == nil {
		s := llm.Stats{RemainingRequests: -1, RemainingTokens: -1, RequestsLeft: -1, TokensLeft: -1}
		s.CoolingFor, s.CoolingUntil = p.cooling(now)
		return s
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := llm.Stats{
		Inflight:          t.inflight.Load(),
		TTFT:              llm.Millis(t.speed.ttft()),
		TTFTP50:           llm.Millis(t.speed.firstToken.p50),
		TTFTP95:           llm.Millis(t.speed.firstToken.p95),
		TPS:               t.speed.tps.mean,
		ErrorRate:         t.errors.rate(now),
		Samples:           t.errors.samples(now),
		RemainingRequests: t.left.Requests, RequestsLeft: t.left.RequestShare,
		RemainingTokens: t.left.Tokens, TokensLeft: t.left.TokenShare,
	}
	if !now.Before(t.left.RequestsUntil) {
		s.RemainingRequests, s.RequestsLeft = -1, -1
	}
	if !now.Before(t.left.TokensUntil) {
		s.RemainingTokens, s.TokensLeft = -1, -1
	}
	s.CoolingFor, s.CoolingUntil = t.cooling(now, h.o.MaxOpen, t.throttle.until)
	return s
}
