// Package cache stores complete replies and returns them for requests that are equal in
// everything that could change the answer. It is the only importer of ristretto.
//
// Find gives a request its slot: a hit, a miss to be filled, a follower of an equal request
// that is under way, or off. A reply is shared within a tenant only, unless the route or the
// policy says otherwise. It is shared between the wire formats and between streams and whole
// replies: what is stored are events with their format, and the caller turns them into what
// the client wants.
//
// The cache may lose any entry at any time: ristretto admits and evicts entries as it sees
// fit, so a stored reply may never be found.
package cache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dgraph-io/ristretto/v2"

	"github.com/penstock/penstock/gateway/internal/similar"
)

// The defaults and fixed sizes, in bytes.
const (
	// DefaultMaxItem is the largest entry that is kept.
	DefaultMaxItem = 4 << 20
	// usualItem is the assumed size of an entry. It decides how many frequency counters
	// ristretto gets: ten for each entry that fits.
	usualItem = 4 << 10
	// textShare is the cache's size by what the index of similar texts may take beside it, and
	// minTexts the least that this may be, in bytes.
	textShare = 16
	minTexts  = 256 << 10
	// pooledBytes is the largest scratch buffer that is reused for another request.
	pooledBytes = 1 << 20
)

// Cache is safe for concurrent use. Close stops its goroutine.
type Cache struct {
	maxItem int64
	purges  purges
	scratch sync.Pool

	// mu lets Close wait for calls into ristretto, which panics when it is used while it
	// closes.
	mu     sync.RWMutex
	closed bool
	store  *ristretto.Cache[[]byte, *stored]
	counts counts

	flights flights
	// texts finds replies to requests in other words, embedder embeds their texts.
	texts    *similar.Index
	embedder Embed
	// remote is the store behind the cache; nil for none.
	remote Remote
}

// New returns a cache of at most maxBytes. It does not store entries of more than
// DefaultMaxItem, or of more than a quarter of the cache.
func New(maxBytes int64) (*Cache, error) {
	if maxBytes <= 0 {
		return nil, errors.New("a cache needs a size above zero")
	}
	c := &Cache{maxItem: min(DefaultMaxItem, max(maxBytes/4, 1)), texts: similar.NewIndex(max(maxBytes/textShare, minTexts), time.Now)}
	var err error
	c.store, err = ristretto.NewCache(&ristretto.Config[[]byte, *stored]{
		NumCounters: max(maxBytes/usualItem*10, 1000),
		MaxCost:     maxBytes,
		BufferItems: 64,
		KeyToHash:   hashes,
		OnExit:      c.counts.exit,
		OnEvict:     c.counts.evict,
		OnReject:    c.counts.reject,
	})
	if err != nil {
		return nil, fmt.Errorf("make response cache: %w", err)
	}
	c.scratch.New = func() any { return new(canon) }
	return c, nil
}

// hashes takes ristretto's two hashes from the key, which is a hash already.
func hashes(key []byte) (uint64, uint64) {
	return binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[8:])
}

// stored is what the store holds under a key: an entry, or another key that has it.
type stored struct {
	key   Key
	entry *Entry
	other Key
}

// linkBytes is about how many bytes a key takes that only stands for another one.
const linkBytes = 160

// Get returns the entry of a key, if it has not expired and was not purged. The entry is
// shared: do not write to it.
func (c *Cache) Get(key Key) (*Entry, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return nil, false
	}
	v, ok := c.find(key)
	if ok && v.entry == nil {
		v, ok = c.find(v.other)
	}
	if !ok || v.entry == nil || c.purges.covers(v.entry) {
		return nil, false
	}
	return v.entry, true
}

// find needs mu. ristretto compares 128 of the key's bits; the rest is compared here.
func (c *Cache) find(key Key) (*stored, bool) {
	v, ok := c.store.Get(key[:])
	return v, ok && v.key == key
}

// Put stores an entry for ttl. It stores nothing if ttl is not above zero, if the entry is
// too large, if it was recorded before a purge, or if ristretto finds other entries more
// useful. The entry belongs to the cache afterwards, and Get finds it once Put has returned:
// a caller who asks again for what it has just got expects that.
func (c *Cache) Put(key Key, e *Entry, ttl time.Duration) {
	cost := e.Size()
	if ttl <= 0 || cost > c.maxItem || c.purges.covers(e) {
		return
	}
	c.set(&stored{key: key, entry: e}, cost, ttl)
}

// link makes Get find under key what is stored under another one.
func (c *Cache) link(key, other Key, ttl time.Duration) {
	c.set(&stored{key: key, other: other}, linkBytes, ttl)
}

func (c *Cache) set(v *stored, cost int64, ttl time.Duration) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.closed && ttl > 0 && c.offer(v, cost, ttl) {
		c.store.Wait() // admission runs in a goroutine of ristretto's
	}
}

// offer needs mu. It reports whether ristretto will decide on what is offered.
func (c *Cache) offer(v *stored, cost int64, ttl time.Duration) bool {
	c.counts.added(v) // at first, since the end may come at once
	taken := c.store.SetWithTTL(v.key[:], v, cost, ttl)
	if !taken {
		c.counts.exit(v)
	}
	return taken
}

// remove removes what is stored under a key, also from the store behind the cache.
func (c *Cache) remove(key Key) {
	if c.remote != nil {
		c.remote.Delete(key)
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.closed {
		c.store.Del(key[:])
	}
}

// UseEmbedder sets what embeds texts where a route names another embedder than the built-in
// one. It must be called before the cache is used.
func (c *Cache) UseEmbedder(e Embed) { c.embedder = e }

// Close drops all entries and returns when the cache's goroutine has ended. Get and Put do
// nothing afterwards. It may be called twice.
func (c *Cache) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.store.Close()
	}
	return nil
}
