package keys

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/bounded"
)

// cache remembers keys by their public id, and ids that are nobody's: otherwise
// anyone could make the database work by inventing tokens. It also remembers when
// the database last confirmed that nothing has changed.
type cache struct {
	known   bounded.Map[string, *entry]
	unknown bounded.Map[string, struct{}]
	// epoch counts how often everything was forgotten: what was read before must not
	// be stored after. It changes with mu held.
	epoch atomic.Int64

	mu       sync.RWMutex // for what follows, and for put
	revision int64
	// asked is when the database was last asked, confirmed when it last answered.
	asked, confirmed time.Time
}

func newCache(most int) *cache {
	c := &cache{revision: -1}
	c.known.Max, c.unknown.Max = most, most
	return c
}

// get returns what is remembered of an id: a key, or nil for nobody's. known says
// whether it is remembered at all; epoch is for put.
func (c *cache) get(id string) (e *entry, known bool, epoch int64) {
	epoch = c.epoch.Load() // before looking: what is forgotten in between is not there
	if e, ok := c.known.Get(id); ok {
		return e, true, epoch
	}
	_, known = c.unknown.Get(id)
	return nil, known, epoch
}

// put remembers a key, or with nil that the id is nobody's, unless everything was
// forgotten since epoch.
func (c *cache) put(id string, e *entry, epoch int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case epoch != c.epoch.Load():
	case e == nil:
		c.unknown.Put(id, struct{}{})
	default:
		c.known.Put(id, e)
	}
}

func (c *cache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetLocked()
}

func (c *cache) forgetLocked() {
	c.epoch.Add(1)
	c.known.Clear()
	c.unknown.Clear()
}

// due reports whether this caller is to ask the database, and if so notes that it
// does. age is the time since the database last answered.
func (c *cache) due(now time.Time) (ask bool, age time.Duration) {
	c.mu.RLock()
	recent, age := isRecent(c.asked, now), now.Sub(c.confirmed)
	c.mu.RUnlock()
	if recent {
		return false, age
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if isRecent(c.asked, now) {
		return false, age
	}
	c.asked = now
	return true, age
}

// isRecent is false for a moment in the future: the clock was set back.
func isRecent(t, now time.Time) bool {
	age := now.Sub(t)
	return age >= 0 && age < recheck
}

// confirm takes the database's answer.
func (c *cache) confirm(revision int64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirmed = now
	if revision != c.revision {
		c.revision = revision
		c.forgetLocked()
	}
}
