package upstream

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"
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

	mu sync.Mutex // for what follows; locked before an account's
	// circuit is for failures that do not depend on the credential.
	circuit circuit
	speed   speed
	errors  errorRates
	// answered is when the target last gave an answer, if only that a request is wrong.
	answered time.Time
	// asked is when the latest attempt began.
	asked time.Time
	// lanes are the credentials that it has been called with.
	lanes []*lane
}

// provider is what all targets of one provider share.
type provider struct {
	// account is of the only credential of a provider that has no several ones.
	account account
	// others stands for the unknown targets, promoted counts those that were unknown but
	// have answered.
	others   *target
	promoted int
}

func providerOf(id string) string {
	name, _, _ := strings.Cut(id, "/")
	return name
}

func newTarget(p *provider) *target {
	return &target{of: p}
}

// findOrAdd returns a target or the one that stands for it, and adds what is missing. A nil
// known means that all targets are known.
func (r *registry) findOrAdd(id string, known func(string) bool) *target {
	r.mu.RLock()
	t, p := r.targets[id], r.providers[providerOf(id)]
	r.mu.RUnlock()
	if t != nil {
		return t
	}
	isKnown := known == nil || known(id) // called outside the lock
	if !isKnown && p != nil {
		return p.others
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p = r.provider(providerOf(id))
	if !isKnown {
		return p.others
	}
	return r.add(id, p)
}

// find returns a target with figures of its own; nil if there is none.
func (r *registry) find(id string) *target {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.targets[id]
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

// all returns the targets that are remembered.
func (r *registry) all() map[string]*target {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return maps.Clone(r.targets)
}

// Forget drops all figures of a provider, its targets and these credentials of it. It is for
// a provider whose key, address or headers have changed. Attempts in flight may end, but are
// not recorded.
func (r *registry) Forget(name string, credentials ...*Credential) {
	for _, c := range credentials {
		c.account.close()
	}
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
