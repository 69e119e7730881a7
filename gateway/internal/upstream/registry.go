package upstream

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/ratelimit"
)

// maxProven is how many targets of one provider that nobody named but callers have
// figures of their own, because they have answered.
const maxProven = 256

// registry finds targets by their ids. Its zero value is empty.
type registry struct {
	mu        sync.RWMutex // for the maps
	targets   map[string]*target
	providers map[string]*provider
}

// target is what is known of one target.
type target struct {
	of *provider
	// shared marks the one target that stands for all of its provider's that are not
	// known. What does not exist there says nothing about it.
	shared   bool
	inflight atomic.Int64

	mu      sync.Mutex // for what follows
	circuit circuit
	rest    rest
	speed   speed
	errors  errorShare
	// evidence is errors as far as it counts for opening the circuit.
	evidence errorShare
	left     ratelimit.Remaining
	// answered is when the target last gave an answer, if only that a request is wrong.
	answered time.Time
	// suspicion is that the key or account is no good for this target.
	suspicion suspicion
}

// provider is what all targets of one provider share: a refused key rests them all.
type provider struct {
	rests     atomic.Pointer[spell] // nil means that it does not
	suspicion suspicion
	// others stands for the targets that are not known, proven counts those that were
	// not but have answered.
	others *target
	proven int
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

func providerOf(id string) string {
	name, _, _ := strings.Cut(id, "/")
	return name
}

func newTarget(p *provider) *target {
	return &target{of: p, left: ratelimit.Remaining{Requests: -1, Tokens: -1}}
}

// find gives a target or the one that stands for it, and its provider; nil for what
// has not been asked yet. A nil known knows all targets.
func (r *registry) find(id string, known func(string) bool) (*target, *provider) {
	r.mu.RLock()
	t, p := r.targets[id], r.providers[providerOf(id)]
	r.mu.RUnlock()
	if t == nil && p != nil && known != nil && !known(id) {
		return p.others, p
	}
	return t, p
}

// enter is find, and makes what is missing.
func (r *registry) enter(id string, known func(string) bool) *target {
	if t, _ := r.find(id, known); t != nil {
		return t
	}
	named := known == nil || known(id) // asked outside the lock
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.provider(providerOf(id))
	if !named {
		return p.others
	}
	return r.own(id, p)
}

// provider gives a provider and makes it if need be. The lock is held.
func (r *registry) provider(name string) *provider {
	p := r.providers[name]
	if p != nil {
		return p
	}
	if r.providers == nil {
		r.targets, r.providers = map[string]*target{}, map[string]*provider{}
	}
	p = &provider{}
	p.others = newTarget(p)
	p.others.shared = true
	r.providers[name] = p
	return p
}

// own gives a target figures of its own. The lock is held.
func (r *registry) own(id string, p *provider) *target {
	if r.targets[id] == nil {
		r.targets[id] = newTarget(p)
	}
	return r.targets[id]
}

// prove gives a target that shared its figures, and has answered, its own, as long as
// there is room.
func (r *registry) prove(id string, p *provider) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.targets[id] == nil && r.providers[providerOf(id)] == p && p.proven < maxProven {
		p.proven++
		r.own(id, p)
	}
}

// Forgive forgets all about a provider and its targets, for when its key, address or
// headers have changed. Attempts under way end well, but nothing is learnt from them.
func (r *registry) Forgive(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.providers, name)
	for id := range r.targets {
		if providerOf(id) == name {
			delete(r.targets, id)
		}
	}
}

// Retain forgets every provider that is not among these, and every target that is not
// to be kept. Attempts under way end well, but nothing is learnt from them.
func (r *registry) Retain(providers []string, keep func(id string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := make(map[string]*provider, len(providers))
	for _, name := range providers {
		if p := r.providers[name]; p != nil {
			p.proven = 0
			left[name] = p
		}
	}
	for id := range r.targets {
		if left[providerOf(id)] == nil || !keep(id) {
			delete(r.targets, id)
		}
	}
	r.providers = left
	if r.targets == nil {
		r.targets = map[string]*target{}
	}
}
