package cache

import (
	"context"
	"sync"
	"sync/atomic"
)

// maxPurged bounds how many purged groups are remembered. Beyond it a purge
// removes every entry, which is correct but wasteful.
const maxPurged = 10_000

// Group is a set of replies that can be purged together.
type Group string

// ByNamespace are the replies of a namespace; the empty one is that of those without one.
func ByNamespace(name string) Group { return Group("namespace " + name) }

// ByModel are the replies to requests for a model, and those of a target.
func ByModel(name string) Group { return Group("model " + name) }

// ByTeam are the replies to requests of a team, ByKey those to requests of a virtual key, by its
// ID. Others who may read them lose them, too.
func ByTeam(name string) Group { return Group("team " + name) }

// ByKey are the replies to requests of a virtual key.
func ByKey(id string) Group { return Group("key " + id) }

// ByTag are the replies to requests with a tag.
func ByTag(name, value string) Group { return Group("tag " + name + "=" + value) }

// Purge removes every entry. The error is that of a store behind the cache that could not be
// told.
func (c *Cache) Purge(ctx context.Context) error {
	c.forget()
	return c.purgeRemote(ctx, "")
}

// PurgeGroup removes the entries of a group; see Purge.
func (c *Cache) PurgeGroup(ctx context.Context, g Group) error {
	c.purges.group(string(g))
	return c.purgeRemote(ctx, string(g))
}

func (c *Cache) purgeRemote(ctx context.Context, group string) error {
	if c.remote == nil {
		return nil
	}
	return c.remote.Purge(ctx, group)
}

// forget drops everything that is kept here.
func (c *Cache) forget() {
	c.purges.all()
	c.texts.Clear()
}

// purges hides purged entries instead of searching for them: each purge starts a new
// epoch, and covers the entries of earlier epochs in its group. ristretto evicts them in
// time, as it does all unused entries.
type purges struct {
	epoch atomic.Uint64
	// everything is the epoch that the last purge of all entries started.
	everything atomic.Uint64

	mu sync.RWMutex
	// groups holds the epoch that the last purge of each group started.
	groups map[string]uint64
	// any reports whether groups has entries, so that readers can skip the lock.
	any atomic.Bool
}

// now returns the epoch of entries that are started now.
func (p *purges) now() uint64 { return p.epoch.Load() }

// covers reports whether an entry was purged.
func (p *purges) covers(e *Entry) bool {
	if e.epoch < p.everything.Load() {
		return true
	}
	if !p.any.Load() {
		return false
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, g := range e.groups {
		if e.epoch < p.groups[g] {
			return true
		}
	}
	return false
}

func (p *purges) all() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allLocked()
}

// allLocked needs mu. It sets everything before it drops the groups, so that no reader
// misses both.
func (p *purges) allLocked() {
	p.everything.Store(p.epoch.Add(1))
	p.groups = nil
	p.any.Store(false)
}

func (p *purges) group(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.groups) >= maxPurged {
		p.allLocked()
		return
	}
	if p.groups == nil {
		p.groups = make(map[string]uint64)
	}
	p.groups[name] = p.epoch.Add(1)
	p.any.Store(true)
}
