package upstream

import (
	"math/rand/v2"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// HealthOptions set when targets rest. Zero values mean the defaults.
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
	// MinRest is the rest after a 429 that does not say how long; each further one
	// doubles it up to MaxRest. Zero means 1 s and 30 s.
	MinRest, MaxRest time.Duration
	// LongRest is the rest after a refused key or a spent quota that a second request
	// has confirmed within this time. Zero means 5 min.
	LongRest time.Duration
	// Known says which targets have figures of their own from the beginning: those that
	// an operator or the catalogue names, not a caller. Any other target shares those of
	// its provider's others until it has answered once. Nil knows all targets. It must be
	// fast and safe for concurrent use.
	Known func(id string) bool
	// Random gives numbers in [0, 1) for jitter. Nil means math/rand.
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
	or(&o.MinRest, time.Second)
	or(&o.MaxRest, 30*time.Second)
	or(&o.LongRest, 5*time.Minute)
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

// Health keeps the live figures of targets and says which of them rest. It is safe
// for concurrent use. Targets are known by their id, "provider/model"; what it
// remembers is bounded by what operators name, whatever callers ask for.
type Health struct {
	o   HealthOptions
	now func() time.Time
	registry
}

// NewHealth makes an empty Health that tells the time by now.
func NewHealth(o HealthOptions, now func() time.Time) *Health {
	return &Health{o: o.withDefaults(), now: now}
}

// Resting says why a target must not be asked now, and until when; why is empty when
// it may be. It changes nothing: of those that find a resting target available again,
// one gets through Begin as its probe. After a 429 it rests only if the provider has
// said for how long.
func (h *Health) Resting(id string) (why string, until time.Time) {
	t, p := h.find(id, h.o.Known)
	if t == nil {
		return p.resting(h.now())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.resting(h.now(), h.o.MaxOpen, t.rest.firm)
}

// resting says why the target rests, empty when it does not. throttled is until when
// it does after a 429.
func (t *target) resting(now time.Time, patience time.Duration, throttled time.Time) (string, time.Time) {
	if why, until := t.of.resting(now); why != "" {
		return why, until
	}
	if until := t.circuit.resting(now, patience); !until.IsZero() {
		return t.circuit.why, until
	}
	if now.Before(throttled) {
		return string(llm.FaultRateLimited), throttled
	}
	return "", time.Time{}
}

// Stats are the target's figures at this moment.
func (h *Health) Stats(id string) llm.Stats {
	now := h.now()
	t, p := h.find(id, h.o.Known)
	if t == nil {
		s := llm.Stats{RemainingRequests: -1, RemainingTokens: -1}
		s.CoolingFor, s.CoolingUntil = p.resting(now)
		return s
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := llm.Stats{
		Inflight:          t.inflight.Load(),
		TTFT:              t.speed.ttft(),
		TPS:               t.speed.tps.mean,
		ErrorRate:         t.errors.rate(now),
		RemainingRequests: t.left.Requests,
		RemainingTokens:   t.left.Tokens,
	}
	if !now.Before(t.left.RequestsUntil) {
		s.RemainingRequests = -1
	}
	if !now.Before(t.left.TokensUntil) {
		s.RemainingTokens = -1
	}
	s.CoolingFor, s.CoolingUntil = t.resting(now, h.o.MaxOpen, t.rest.until)
	return s
}
