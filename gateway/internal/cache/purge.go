package cache

import (
	"sync"
	"sync/atomic"
)

// maxPurged bounds how many purged namespaces and models are remembered. Beyond it a purge
// removes every entry, which is correct but wasteful.
const maxPurged = 10_000

// namespaceGroup and modelGroup name groups of entries.
func namespaceGroup(name string) string { return "n" + name }

func modelGroup(name string) string { return "m" + name }

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
	return e.epoch < max(p.groups[namespaceGroup(e.Namespace)], p.groups[modelGroup(e.Model)], p.groups[modelGroup(e.Target)])
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
