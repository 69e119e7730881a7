package upstream

import (
	"maps"
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
	o      HealthOptions
	now    func() time.Time
	grow   sync.Mutex // for replacing the roster
	roster atomic.Pointer[roster]
}

// roster is everyone that is known. It is replaced and never changed, since it is
// read for every target of every request and grows once per target.
type roster struct {
	targets   map[string]*target
	providers map[string]*provider
}

// NewHealth makes an empty Health that tells the time by now.
func NewHealth(o HealthOptions, now func() time.Time) *Health {
	h := &Health{o: o.withDefaults(), now: now}
	h.roster.Store(&roster{})
	return h
}

// target is what is known of one target.
type target struct {
	of       *provider
	inflight atomic.Int64

	mu      sync.Mutex // for what follows
	circuit circuit
	rest    rest
	speed   speed
	errors  errorShare
	left    remaining
}

// provider is what all targets of one provider share: a refused key rests them all.
type provider struct {
	rests atomic.Pointer[spell] // nil means that it does not
}

// spell is a rest with its end and its cause.
type spell struct {
	until time.Time
	why   string
}

// resting says why the provider rests, empty when it does not. A nil provider is
// one that nothing is known of.
func (p *provider) resting(now time.Time) (why string, until time.Time) {
	if p == nil {
		return "", time.Time{}
	}
	if s := p.rests.Load(); s != nil && now.Before(s.until) {
		return s.why, s.until
	}
	return "", time.Time{}
}

func (h *Health) target(id string) *target {
	if t, ok := h.roster.Load().targets[id]; ok {
		return t
	}
	h.grow.Lock()
	defer h.grow.Unlock()
	old := h.roster.Load()
	if t, ok := old.targets[id]; ok {
		return t
	}
	r := &roster{maps.Clone(old.targets), maps.Clone(old.providers)}
	if r.targets == nil {
		r.targets, r.providers = map[string]*target{}, map[string]*provider{}
	}
	name := providerOf(id)
	if r.providers[name] == nil {
		r.providers[name] = &provider{}
	}
	t := &target{of: r.providers[name], left: remaining{requests: -1, tokens: -1}}
	r.targets[id] = t
	h.roster.Store(r)
	return t
}

func providerOf(id string) string {
	name, _, _ := strings.Cut(id, "/")
	return name
}

// Available reports whether the target may be asked now, and else why not and until
// when. It changes nothing: of those that find a resting target available again,
// one gets through Begin as its probe.
func (h *Health) Available(id string) (ok bool, why string, until time.Time) {
	now, r := h.now(), h.roster.Load()
	if t, known := r.targets[id]; known {
		t.mu.Lock()
		defer t.mu.Unlock()
		why, until = t.resting(now, h.o.MaxOpen)
	} else {
		why, until = r.providers[providerOf(id)].resting(now)
	}
	return why == "", why, until
}

// resting says why the target rests, empty when it does not.
func (t *target) resting(now time.Time, patience time.Duration) (string, time.Time) {
	if why, until := t.of.resting(now); why != "" {
		return why, until
	}
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
	now, r := h.now(), h.roster.Load()
	t, known := r.targets[id]
	if !known {
		s := llm.Stats{RemainingRequests: -1, RemainingTokens: -1}
		s.CoolingFor, s.CoolingUntil = r.providers[providerOf(id)].resting(now)
		return s
	}
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
	s.CoolingFor, s.CoolingUntil = t.resting(now, h.o.MaxOpen)
	return s
}

// Forgive ends the rest of a provider and all its targets, for when its key has
// been changed.
func (h *Health) Forgive(name string) {
	r := h.roster.Load()
	for id, t := range r.targets {
		if providerOf(id) != name {
			continue
		}
		t.mu.Lock()
		t.circuit.close()
		t.rest.clear()
		t.mu.Unlock()
	}
	if p := r.providers[name]; p != nil {
		p.rests.Store(nil)
	}
}

// Retain forgets every target whose id is not among these. Attempts under way end
// well, but nothing is learnt from them.
func (h *Health) Retain(ids []string) {
	h.grow.Lock()
	defer h.grow.Unlock()
	old := h.roster.Load()
	r := &roster{map[string]*target{}, map[string]*provider{}}
	for _, id := range ids {
		if p := old.providers[providerOf(id)]; p != nil {
			r.providers[providerOf(id)] = p
		}
		if t := old.targets[id]; t != nil {
			r.targets[id] = t
		}
	}
	h.roster.Store(r)
}
