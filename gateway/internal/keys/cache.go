package keys

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/bounded"
)

// cache holds keys by their public id, and ids that do not exist: otherwise invented tokens
// would each cost a query. It also holds when the database was last checked for changes.
type cache struct {
	known   bounded.Map[string, *entry]
	unknown bounded.Map[string, struct{}]
	// standings are by team and user.
	standings bounded.Map[[2]string, standing]
	// ids are the public ids of keys that were looked up; they stay when the cache is cleared.
	ids bounded.Map[string, struct{}]
	// epoch counts how often the cache was cleared: what was read before that must not be
	// stored after. It changes with mu held.
	epoch atomic.Int64

	mu       sync.RWMutex // for what follows, and for put
	revision int64
	// checked is when a check of the database last began, confirmed when one last succeeded.
	checked, confirmed time.Time
}

func newCache(most int) *cache {
	c := &cache{revision: -1}
	c.known.Max, c.unknown.Max, c.standings.Max, c.ids.Max = most, most, most, most
	return c
}

// get returns the key with an id, or nil for an id that does not exist. known reports
// whether the cache holds either; epoch is for put.
func (c *cache) get(id string) (e *entry, known bool, epoch int64) {
	epoch = c.epoch.Load() // before the lookups, which then see a cache at least as new
	if e, ok := c.known.Get(id); ok {
		return e, true, epoch
	}
	_, known = c.unknown.Get(id)
	return nil, known, epoch
}

// put stores a key, or with nil that the id does not exist, unless the cache was cleared
// since epoch.
func (c *cache) put(id string, e *entry, epoch int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case epoch != c.epoch.Load():
	case e == nil:
		c.unknown.Put(id, struct{}{})
	default:
		c.known.Put(id, e)
		c.ids.Put(id, struct{}{})
	}
}

// seen reports whether a key with this id was looked up lately.
func (c *cache) seen(id string) bool {
	_, ok := c.ids.Get(id)
	return ok
}

// clear empties the cache.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clearLocked()
}

func (c *cache) clearLocked() {
	c.epoch.Add(1)
	c.known.Clear()
	c.unknown.Clear()
	c.standings.Clear()
}

// standing returns what bounds the keys of a team and a user, and whether the cache holds it;
// epoch is for putStanding.
func (c *cache) standing(team, user string) (s standing, epoch int64, known bool) {
	epoch = c.epoch.Load() // before the lookup, as in get
	s, known = c.standings.Get([2]string{team, user})
	return s, epoch, known
}

// putStanding stores a standing, unless the cache was cleared since epoch.
func (c *cache) putStanding(team, user string, s standing, epoch int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch == c.epoch.Load() {
		c.standings.Put([2]string{team, user}, s)
	}
}

// checkDue reports whether this caller must check the database, and if so notes that it
// does. age is the time since the last check that succeeded.
func (c *cache) checkDue(now time.Time) (check bool, age time.Duration) {
	c.mu.RLock()
	recent, age := isRecent(c.checked, now), now.Sub(c.confirmed)
	c.mu.RUnlock()
	if recent {
		return false, age
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if isRecent(c.checked, now) {
		return false, age
	}
	c.checked = now
	return true, age
}

// isRecent returns false for a time in the future: the clock was set back.
func isRecent(t, now time.Time) bool {
	age := now.Sub(t)
	return age >= 0 && age < recheckAfter
}

// confirm notes a check that succeeded, and clears the cache when the revision is new.
func (c *cache) confirm(revision int64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirmed = now
	if revision != c.revision {
		c.revision = revision
		c.clearLocked()
	}
}
