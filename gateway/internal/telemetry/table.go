package telemetry

import "sync"

// table remembers the series of each combination of labels, so that finding one
// again costs a map look-up instead of hashing its labels. It holds at most limit
// combinations, zero meaning no limit; the rest share the one of their overflow key.
// Its overflow keys must be few, because they are not counted.
type table[K comparable, V any] struct {
	limit int
	mu    sync.RWMutex
	known map[K]V
	// spilled counts overflow keys, which the limit does not apply to.
	spilled int
}

// find returns the series of k if there is one.
func (t *table[K, V]) find(k K) (V, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	v, ok := t.known[k]
	return v, ok
}

// get finds the series of k, or makes it.
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
	if t.limit > 0 && len(t.known)-t.spilled >= t.limit {
		if v, ok := t.known[overflow]; ok {
			return v
		}
		k = overflow
		t.spilled++
	}
	v := create(k)
	t.known[k] = v
	return v
}
