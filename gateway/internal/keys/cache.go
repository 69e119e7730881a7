package keys

import (
	"sync"
	"time"
)

// cache remembers keys by their public id, and ids that are nobody's: otherwise
// anyone could make the database work by inventing tokens. It also remembers when
// the database last confirmed that nothing has changed.
type cache struct {
	mu             sync.RWMutex
	known, unknown generations
	// epoch counts how often everything was forgotten: what was read before must not
	// be stored after.
	epoch    int
	revision int64
	// asked is when the database was last asked, confirmed when it last answered.
	asked, confirmed time.Time
}

func newCache(most int) *cache {
	return &cache{known: generations{most: most}, unknown: generations{most: most}, revision: -1}
}

// get returns what is remembered of an id: a key, or nil for nobody's. known says
// whether it is remembered at all; epoch is for put.
func (c *cache) get(id string) (e *entry, known bool, epoch int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if e := c.known.get(id); e != nil {
		return e, true, c.epoch
	}
	return nil, c.unknown.get(id) != nil, c.epoch
}

// put remembers a key, or with nil that the id is nobody's, unless everything was
// forgotten since epoch.
func (c *cache) put(id string, e *entry, epoch int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case epoch != c.epoch:
	case e == nil:
		c.unknown.put(id, &entry{})
	default:
		c.known.put(id, e)
	}
}

func (c *cache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetLocked()
}

func (c *cache) forgetLocked() {
	c.epoch++
	c.known.clear()
	c.unknown.clear()
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

// generations is a map of bounded size. It has two halves: when the young one is
// full it becomes the old one, and what was old is dropped.
type generations struct {
	young, old map[string]*entry
	most       int
}

func (g *generations) get(id string) *entry {
	if e := g.young[id]; e != nil {
		return e
	}
	return g.old[id]
}

func (g *generations) put(id string, e *entry) {
	if len(g.young) >= (g.most+1)/2 {
		g.young, g.old = nil, g.young
	}
	if g.young == nil {
		g.young = make(map[string]*entry)
	}
	g.young[id] = e
}

func (g *generations) clear() { g.young, g.old = nil, nil }
