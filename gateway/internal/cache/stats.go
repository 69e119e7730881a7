package cache

import (
	"sync/atomic"

	"github.com/dgraph-io/ristretto/v2"
)

// Stats are the figures of what is stored. The counts are since the start.
type Stats struct {
	// MaxBytes is the cache's size, Bytes what its entries take, of which there are Entries.
	// What was purged counts until its place is needed.
	MaxBytes, Bytes, Entries int64
	// Evicted entries have made room for others, Rejected ones were not let in since others are
	// asked for more often, and Expired ones have lived as long as they may.
	Evicted, Rejected, Expired int64
}

// Stats returns the figures; zero after Close.
func (c *Cache) Stats() Stats {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return Stats{}
	}
	most := c.store.MaxCost()
	return Stats{MaxBytes: most, Bytes: most - c.store.RemainingCost(), Entries: c.counts.entries.Load(),
		Evicted: c.counts.evicted.Load(), Rejected: c.counts.rejected.Load(), Expired: c.counts.expired.Load()}
}

// counts are kept here and cost a read nothing. ristretto's own metrics also count every read,
// take what has expired for evicted, and do not say how many entries there are.
type counts struct{ entries, evicted, rejected, expired atomic.Int64 }

// added counts an entry that ristretto has taken, for now.
func (c *counts) added(v *stored) {
	if v.entry != nil {
		c.entries.Add(1)
	}
}

// exit counts an entry out, whatever the reason. ristretto also reports what was not there.
func (c *counts) exit(v *stored) {
	if v != nil && v.entry != nil {
		c.entries.Add(-1)
	}
}

// evict counts the reason of an entry's end. Only of what has expired, ristretto says when.
func (c *counts) evict(item *ristretto.Item[*stored]) {
	switch v := item.Value; {
	case v == nil || v.entry == nil:
	case item.Expiration.IsZero():
		c.evicted.Add(1)
	default:
		c.expired.Add(1)
	}
}

// reject counts an entry that is not let in.
func (c *counts) reject(item *ristretto.Item[*stored]) {
	if v := item.Value; v != nil && v.entry != nil {
		c.rejected.Add(1)
	}
}
