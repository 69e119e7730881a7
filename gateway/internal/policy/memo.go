package policy

import (
	"hash/maphash"
	"sync"
)

// memo remembers values under exact keys in bounded memory: what was used lately stays,
// by second chance (CLOCK). It is safe for use by many goroutines.
type memo[V any] struct {
	seed   maphash.Seed
	shards []shard[V]
}

const memoShards = 8

// slotOverhead is what a remembered value costs beside its own bytes and its key's:
// the slot, the place in the map and the decision's fixed part.
const slotOverhead = 512

// newMemo bounds the memory to about so many bytes; below 1 nothing is remembered.
func newMemo[V any](bytes int) *memo[V] {
	m := &memo[V]{seed: maphash.MakeSeed(), shards: make([]shard[V], memoShards)}
	for i := range m.shards {
		m.shards[i].room = bytes / memoShards
		m.shards[i].places = make(map[string]int)
	}
	return m
}

// Get finds what was put under a key of the same bytes.
func (m *memo[V]) Get(key []byte) (V, bool) {
	s := &m.shards[maphash.Bytes(m.seed, key)%memoShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.places[string(key)]
	if !ok {
		var none V
		return none, false
	}
	s.slots[at].used = true
	return s.slots[at].value, true
}

// Put remembers v, which has about so many bytes, unless it is too large to be worth it.
func (m *memo[V]) Put(key string, v V, bytes int) {
	s := &m.shards[maphash.String(m.seed, key)%memoShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(slot[V]{key: key, value: v, weight: len(key) + bytes + slotOverhead})
}

// Len is the number of values remembered.
func (m *memo[V]) Len() int {
	n := 0
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		n += len(s.places)
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

// shard holds the slots of some keys. Slots beyond the live ones are kept in free.
type shard[V any] struct {
	mu     sync.Mutex
	places map[string]int // key → index into slots
	slots  []slot[V]
	free   []int
	hand   int
	weight int // of the live slots
	room   int // bound of weight
}

func (s *shard[V]) put(fresh slot[V]) {
	if at, ok := s.places[fresh.key]; ok {
		s.drop(at)
	}
	if fresh.weight > s.room/2 {
		return
	}
	for s.weight+fresh.weight > s.room {
		s.evict()
	}
	at := s.claim()
	s.slots[at] = fresh
	s.places[fresh.key] = at
	s.weight += fresh.weight
}

// evict drops the first slot under the hand that was not used since the hand last
// passed. The caller knows that some slot is live.
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
	delete(s.places, s.slots[at].key)
	s.weight -= s.slots[at].weight
	s.slots[at] = slot[V]{}
	s.free = append(s.free, at)
}

func (s *shard[V]) claim() int {
	if n := len(s.free); n > 0 {
		at := s.free[n-1]
		s.free = s.free[:n-1]
		return at
	}
	s.slots = append(s.slots, slot[V]{})
	return len(s.slots) - 1
}
