package upstream

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/ratelimit"
)

// maxPromoted is how many targets of one provider that only callers named have figures
// of their own, because they have answered.
const maxPromoted = 256

// registry finds targets and providers by their names. Its zero value is empty.
type registry struct {
	mu        sync.RWMutex // for the maps
	targets   map[string]*target
	providers map[string]*provider
}

// target is what is known of one target.
type target struct {
	of *provider
	// shared marks the one target that stands for all unknown ones of its provider. A
	// name that does not exist there says nothing about it.
	shared   bool
	inflight atomic.Int64

	mu       sync.Mutex // for what follows
	circuit  circuit
	throttle throttle
	speed    speed
	errors   errorShare
	// circuitErrors are the errors that count for opening the circuit.
	circuitErrors errorShare
	left          ratelimit.Remaining
	// answered is when the target last gave an answer, if only that a request is wrong.
	answered time.Time
	// refusals are of the key or account for this target alone.
	refusals refusals
}

// provider is what all targets of one provider share: a refused key cools all of them
// down.
type provider struct {
	cooldown atomic.Pointer[cooldown] // nil means none
	refusals refusals
	// others stands for the unknown targets, promoted counts those that were unknown but
	// have answered.
	others   *target
	promoted int
}

// cooling returns why the provider is cooling down, empty when it is not, and until when.
// A nil provider has not been called yet.
func (p *provider) cooling(now time.Time) (why string, until time.Time) {
	if p == nil {
		return "", time.Time{}
	}
	if c := p.cooldown.Load(); c != nil && now.Before(c.until) {
		return c.why, c.until
	}
	return "", time.Time{}
}

func providerOf(id string) string {
	name, _, _ := strings.Cut(id, "/")
	return name
}

func newTarget(p *provider) *target {
	return &target{of: p, left: ratelimit.Unknown()}
}

// find returns a target or the one that stands for it, and its provider; nil for what
// has not been called yet. A nil known means that all targets are known.
func (r *registry) find(id string, known func(string) bool) (*target, *provider) {
	r.mu.RLock()
	t, p := r.targets[id], r.providers[providerOf(id)]
	r.mu.RUnlock()
	if t == nil && p != nil && known != nil && !known(id) {
		return p.others, p
	}
	return t, p
}

// findOrAdd is find, and adds what is missing.
func (r *registry) findOrAdd(id string, known func(string) bool) *target {
	if t, _ := r.find(id, known); t != nil {
		return t
	}
	isKnown := known == nil || known(id) // called outside the lock
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.provider(providerOf(id))
	if !isKnown {
		return p.others
	}
	return r.add(id, p)
}

// provider returns a provider and adds it if need be. The lock is held.
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

// add returns a target with figures of its own, new or not. The lock is held.
func (r *registry) add(id string, p *provider) *target {
	if r.targets[id] == nil {
		r.targets[id] = newTarget(p)
	}
	return r.targets[id]
}

// promote gives an unknown target that has answered its own figures, as long as there is
// room.
func (r *registry) promote(id string, p *provider) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.targets[id] == nil && r.providers[providerOf(id)] == p && p.promoted < maxPromoted {
		p.promoted++
		r.add(id, p)
	}
}

// Forget drops all figures of a provider and its targets. It is for a provider whose key,
// address or headers have changed. Attempts in flight may end, but are not recorded.
func (r *registry) Forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.providers, name)
	for id := range r.targets {
		if providerOf(id) == name {
			delete(r.targets, id)
		}
	}
}

// Retain drops every provider that is not among these, and every target that is not to be
// kept. Attempts in flight may end, but those of dropped targets are not recorded.
func (r *registry) Retain(providers []string, keep func(id string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := make(map[string]*provider, len(providers))
	for _, name := range providers {
		if p := r.providers[name]; p != nil {
			p.promoted = 0
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
