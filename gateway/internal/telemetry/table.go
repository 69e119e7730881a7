package telemetry

import "sync"

// table keeps the series of each combination of labels, so that finding one costs a map
// lookup instead of hashing its labels. It holds at most limit combinations, zero meaning
// no limit; the rest share the series of their overflow key. Overflow keys must be few,
// because the limit does not count them.
type table[K comparable, V any] struct {
	limit int
	mu    sync.RWMutex
	known map[K]V
	// overflows counts the overflow keys in known.
	overflows int
}

// find returns the series of k, if there is one.
func (t *table[K, V]) find(k K) (V, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	v, ok := t.known[k]
	return v, ok
}

// get returns the series of k and creates it if necessary.
func (t *table[K, V]) get(k, overflow K, create func(K) V) V {
	if v, ok := t.find(k); ok {
		return v
	}
	return t.add(k, overflow, create)
}

func (t *table[K, V]) add(k, overflow K, create func(K) V) V {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v, ok := t.known[k]; ok {
		return v
	}
	if t.known == nil {
		t.known = make(map[K]V)
	}
	if t.limit > 0 && len(t.known)-t.overflows >= t.limit {
		if v, ok := t.known[overflow]; ok {
			return v
		}
		k = overflow
		t.overflows++
	}
	v := create(k)
	t.known[k] = v
	return v
}
