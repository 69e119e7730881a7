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
	maxStored  = 1 << 20 // bytes of all keys and values
	maxTTL     = 86_400  // seconds
)

// store is one plugin's key-value store. It is bounded: when it is full, the entries that
// expire first are removed. It is safe for concurrent use.
type store struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[string]*entry
	queue   queue
	// size is the length of all keys and values together, in bytes; sequence numbers the
	// writes.
	size     int
	sequence uint64
}

// entry is a value and when it expires.
type entry struct {
	key     string
	value   []byte
	expires time.Time
	// sequence orders entries that expire together, index is the position in the queue.
	sequence uint64
	index    int
}

func newStore(now func() time.Time) *store {
	return &store{now: now, entries: map[string]*entry{}}
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

// set stores a copy of a value until ttl has passed. It reports false for a value that is too
// long.
func (s *store) set(key, value []byte, ttl time.Duration) bool {
	if len(value) > maxValue {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delete(s.entries[string(key)])
	s.makeRoom(len(key) + len(value))
	s.sequence++
	e := &entry{key: string(key), value: append([]byte(nil), value...), expires: s.now().Add(ttl), sequence: s.sequence}
	s.entries[e.key] = e
	heap.Push(&s.queue, e)
	s.size += len(e.key) + len(e.value)
	return true
}

// remove removes a value, if there is one.
func (s *store) remove(key []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delete(s.entries[string(key)])
}

// makeRoom removes expired entries, and then those that expire first, until n more bytes
// fit. The caller holds the lock.
func (s *store) makeRoom(n int) {
	now := s.now()
	for len(s.queue) > 0 {
		first := s.queue[0]
		if first.expires.After(now) && len(s.queue) < maxEntries && s.size+n <= maxStored {
			return
		}
		s.delete(first)
	}
}

func (s *store) delete(e *entry) {
	if e == nil {
		return
	}
	heap.Remove(&s.queue, e.index)
	delete(s.entries, e.key)
	s.size -= len(e.key) + len(e.value)
}

// replace replaces the contents by entries with the longest time to live.
func (s *store) replace(entries map[string][]byte) {
	s.mu.Lock()
	s.entries, s.queue, s.size = map[string]*entry{}, nil, 0
	s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		s.set([]byte(key), entries[key], maxTTL*time.Second)
	}
}

// snapshot returns a copy of the entries that have not expired.
func (s *store) snapshot() map[string][]byte {
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
type queue []*entry

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].expires.Equal(q[j].expires) {
		return q[i].sequence < q[j].sequence
	}
	return q[i].expires.Before(q[j].expires)
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is for container/heap.
func (q *queue) Push(x any) {
	e := x.(*entry)
	e.index = len(*q)
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
