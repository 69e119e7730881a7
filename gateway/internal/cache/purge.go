package cache

import (
	"sync"
	"sync/atomic"
)

// maxPurged bounds how many namespaces and models are remembered as purged. Beyond it, one
// purge forgets everything, which is always right, only wasteful.
const maxPurged = 10_000

// ofNamespace and ofModel name groups of entries.
func ofNamespace(name string) string { return "n" + name }

func ofModel(name string) string { return "m" + name }

// purges makes entries invisible by age instead of hunting for them: the clock
// ticks at each purge, and an entry lives if it was started at or after the latest
// purge that concerns it. What is dead is evicted in time like anything unused.
type purges struct {
	clock atomic.Uint64
	// floor is the clock at the last purge of everything.
	floor atomic.Uint64

	mu     sync.RWMutex
	floors map[string]uint64
	// any is whether floors holds something, so that readers skip the lock.
	any atomic.Bool
}

// now is the mark that entries started now carry.
func (p *purges) now() uint64 { return p.clock.Load() }

func (p *purges) alive(e *Entry) bool {
	if e.mark < p.floor.Load() {
		return false
	}
	if !p.any.Load() {
		return true
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	return e.mark >= max(p.floors[ofNamespace(e.Namespace)], p.floors[ofModel(e.Model)], p.floors[ofModel(e.Target)])
}

func (p *purges) all() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.everything()
}

// everything needs mu. The floor rises before the floors that it covers go.
func (p *purges) everything() {
	p.floor.Store(p.clock.Add(1))
	p.floors = nil
	p.any.Store(false)
}

func (p *purges) group(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.floors) >= maxPurged {
		p.everything()
		return
	}
	if p.floors == nil {
		p.floors = make(map[string]uint64)
	}
	p.floors[name] = p.clock.Add(1)
	p.any.Store(true)
}
