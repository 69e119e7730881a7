package cache

import (
	"context"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Remote is a store behind the cache that several gateways share. No method waits for long.
type Remote interface {
	// Get returns what is stored under a key, when it was put and until when it holds.
	Get(ctx context.Context, key [32]byte) (data []byte, created, until time.Time, ok bool)
	Put(key [32]byte, data []byte, ttl time.Duration)
	Delete(key [32]byte)
	// Purge hides what belongs to a group from all gateways; the empty group is everything.
	Purge(ctx context.Context, group string) error
	// Purged reports whether what was put at this time has been purged with one of its groups.
	Purged(created time.Time, groups ...string) bool
}

// UseRemote sets the store behind the cache. It must be called before the cache is used.
func (c *Cache) UseRemote(r Remote) { c.remote = r }

// Purged forgets the replies of a group that another gateway has purged; the empty group is
// everything.
func (c *Cache) Purged(group string) {
	if group == "" {
		c.forget()
		return
	}
	c.purges.group(group)
}

// fetch looks the request up in the store behind the cache and reports whether it is a hit. A
// reply that is found there is kept here, too.
func (s *Slot) fetch() bool {
	r := s.cache.remote
	if r == nil {
		return false
	}
	keys := s.keys()
	data, created, until, ok := r.Get(s.ctx, keys[0])
	if !ok {
		return false
	}
	e, ok := s.cache.decode(data)
	if !ok || r.Purged(created, e.groups...) || s.maxAge > 0 && e.Age(time.Now()) > s.maxAge {
		return false
	}
	if s.elements != nil {
		s.storeVectors(e, time.Until(until))
	} else {
		s.cache.keep(keys, e, time.Until(until))
	}
	s.state, s.hit = llm.CacheHit, e
	return true
}

// keep stores an entry under several keys.
func (c *Cache) keep(keys []Key, e *Entry, ttl time.Duration) {
	c.Put(keys[0], e, ttl)
	for _, k := range keys[1:] {
		c.link(k, keys[0], ttl)
	}
}
