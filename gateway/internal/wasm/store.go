package wasm

import (
	"container/heap"
	"maps"
	"slices"
	"sync"
	"time"
)

// The bounds of a plugin's store.
const (
	maxKey     = 256      // bytes
	maxValue   = 64 << 10 // bytes
	maxEntries = 10_000
	maxStored  = 1 << 20 // bytes of keys and values together
	maxTTL     = 86_400  // seconds
)

// store is the memory of one plugin across requests: small, bounded, and forgetting.
// When it is full, what would expire first goes. It is safe for concurrent use.
type store struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[string]*kept
	queue   queue
	// size is the length of all keys and values together, in bytes; turn numbers the
	// writes.
	size int
	turn uint64
}

// kept is a value that is kept until it expires.
type kept struct {
	key     string
	value   []byte
	expires time.Time
	// turn orders entries that expire together, at is the entry's place in the queue.
	turn uint64
	at   int
}

func newStore(now func() time.Time) *store {
	return &store{now: now, entries: map[string]*kept{}}
}

// get appends a value to dst.
func (s *store) get(dst []byte, key []byte) (value []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[string(key)]
	if e == nil || !e.expires.After(s.now()) {
		return dst, false
	}
	return append(dst, e.value...), true
}

// set keeps a copy of a value until ttl has passed. It reports false for a value that
// can't be kept.
func (s *store) set(key, value []byte, ttl time.Duration) bool {
	if len(value) > maxValue {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(s.entries[string(key)])
	s.makeRoom(len(key) + len(value))
	s.turn++
	e := &kept{key: string(key), value: append([]byte(nil), value...), expires: s.now().Add(ttl), turn: s.turn}
	s.entries[e.key] = e
	heap.Push(&s.queue, e)
	s.size += len(e.key) + len(e.value)
	return true
}

// remove forgets a value, if there is one.
func (s *store) remove(key []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(s.entries[string(key)])
}

// makeRoom drops what has expired, and then what would expire first, until n bytes
// more fit. The caller holds the lock.
func (s *store) makeRoom(n int) {
	now := s.now()
	for len(s.queue) > 0 {
		first := s.queue[0]
		if first.expires.After(now) && len(s.queue) < maxEntries && s.size+n <= maxStored {
			return
		}
		s.drop(first)
	}
}

func (s *store) drop(e *kept) {
	if e == nil {
		return
	}
	heap.Remove(&s.queue, e.at)
	delete(s.entries, e.key)
	s.size -= len(e.key) + len(e.value)
}

// fill makes entries the whole contents, each to be kept for as long as there is.
func (s *store) fill(entries map[string][]byte) {
	s.mu.Lock()
	s.entries, s.queue, s.size = map[string]*kept{}, nil, 0
	s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		s.set([]byte(key), entries[key], maxTTL*time.Second)
	}
}

// all is a copy of what has not expired.
func (s *store) all() map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, all := s.now(), map[string][]byte{}
	for e := range maps.Values(s.entries) {
		if e.expires.After(now) {
			all[e.key] = append([]byte{}, e.value...)
		}
	}
	return all
}

// queue orders entries by when they expire. It is a container/heap.
type queue []*kept

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].expires.Equal(q[j].expires) {
		return q[i].turn < q[j].turn
	}
	return q[i].expires.Before(q[j].expires)
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

// Push is for container/heap.
func (q *queue) Push(x any) {
	e := x.(*kept)
	e.at = len(*q)
	*q = append(*q, e)
}

// Pop is for container/heap.
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return e
}
