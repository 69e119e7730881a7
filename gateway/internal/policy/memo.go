package policy

import (
	"hash/maphash"
	"sync"
)

// memo holds values under exact keys in bounded memory. It evicts by second chance (CLOCK).
// It is safe for concurrent use.
type memo[V any] struct {
	seed   maphash.Seed
	shards []shard[V]
}

const memoShards = 8

// slotOverhead estimates the bytes of a value beside its own and its key's: the slot, the
// map entry and the decision's fixed part.
const slotOverhead = 512

// newMemo makes a memo of about so many bytes; below 1 it holds nothing.
func newMemo[V any](bytes int) *memo[V] {
	m := &memo[V]{seed: maphash.MakeSeed(), shards: make([]shard[V], memoShards)}
	for i := range m.shards {
		m.shards[i].capacity = bytes / memoShards
		m.shards[i].index = make(map[string]int)
	}
	return m
}

// Get returns the value that was put under a key of the same bytes.
func (m *memo[V]) Get(key []byte) (V, bool) {
	s := &m.shards[maphash.Bytes(m.seed, key)%memoShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.index[string(key)]
	if !ok {
		var none V
		return none, false
	}
	s.slots[at].used = true
	return s.slots[at].value, true
}

// Put stores v, which has about so many bytes, unless it would take half of its shard.
func (m *memo[V]) Put(key string, v V, bytes int) {
	s := &m.shards[maphash.String(m.seed, key)%memoShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(slot[V]{key: key, value: v, weight: len(key) + bytes + slotOverhead})
}

// Len returns the number of values.
func (m *memo[V]) Len() int {
	n := 0
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		n += len(s.index)
		s.mu.Unlock()
	}
	return n
}

type slot[V any] struct {
	key    string
	value  V
	weight int
	used   bool
}

// shard holds the slots of some keys. Slots that are not in use are in free.
type shard[V any] struct {
	mu       sync.Mutex
	index    map[string]int // key → index into slots
	slots    []slot[V]
	free     []int
	hand     int
	weight   int // of the slots in use
	capacity int // bound of weight
}

func (s *shard[V]) put(fresh slot[V]) {
	if at, ok := s.index[fresh.key]; ok {
		s.drop(at)
	}
	if fresh.weight > s.capacity/2 {
		return
	}
	for s.weight+fresh.weight > s.capacity {
		s.evict()
	}
	at := s.freeSlot()
	s.slots[at] = fresh
	s.index[fresh.key] = at
	s.weight += fresh.weight
}

// evict drops the first slot from the hand on that was not used since the hand last passed
// it. At least one slot must be in use.
func (s *shard[V]) evict() {
	for {
		at := s.hand
		s.hand = (s.hand + 1) % len(s.slots)
		switch slot := &s.slots[at]; {
		case slot.weight == 0: // free
		case slot.used:
			slot.used = false
		default:
			s.drop(at)
			return
		}
	}
}

func (s *shard[V]) drop(at int) {
	delete(s.index, s.slots[at].key)
	s.weight -= s.slots[at].weight
	s.slots[at] = slot[V]{}
	s.free = append(s.free, at)
}

func (s *shard[V]) freeSlot() int {
	if n := len(s.free); n > 0 {
		at := s.free[n-1]
		s.free = s.free[:n-1]
		return at
	}
	s.slots = append(s.slots, slot[V]{})
	return len(s.slots) - 1
}
