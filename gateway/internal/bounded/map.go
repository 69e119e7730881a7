// Package bounded has a map with a bounded number of entries, for values that can be
// computed or learned again after they were dropped.
//
// It has no expiry and no weights, and must not hold values that cannot be lost.
package bounded

import "sync"

// DefaultMax is how many entries a Map holds by default.
const DefaultMax = 1024

// Map holds at most Max entries. When it is full it drops entries that were not used
// recently: the Max/2 keys read or written last are always present, the others may be.
//
// Its zero value is an empty map of at most DefaultMax entries. It is safe for concurrent
// use, and must not be copied after first use.
type Map[K comparable, V any] struct {
	// Max bounds the entries; zero means DefaultMax. An odd number is rounded up. It must
	// not change after first use.
	Max int

	mu sync.RWMutex
	// young holds the entries used since it was last empty. When it is full it becomes old,
	// and the entries in old are dropped.
	young, old map[K]V
}

// Get returns the value of a key, and whether there is one.
func (m *Map[K, V]) Get(k K) (V, bool) {
	m.mu.RLock()
	v, ok := m.young[k]
	aged := false
	if !ok {
		_, aged = m.old[k]
	}
	m.mu.RUnlock()
	if !aged {
		return v, ok
	}
	m.mu.Lock() // at most once for each key until young is full again
	defer m.mu.Unlock()
	return m.renew(k)
}

// Put sets the value of a key.
func (m *Map[K, V]) Put(k K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(k, v)
}

// Update replaces the value of a key, or the zero value if there is none, by the result of
// change. It calls change once, which must not use the map.
func (m *Map[K, V]) Update(k K, change func(V) V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, _ := m.renew(k)
	m.put(k, change(v))
}

// Clear drops all entries.
func (m *Map[K, V]) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.young, m.old = nil, nil
}

// renew returns the value of a key and moves it to young. The lock is held.
func (m *Map[K, V]) renew(k K) (V, bool) {
	if v, ok := m.young[k]; ok {
		return v, true
	}
	v, ok := m.old[k]
	if ok {
		m.put(k, v)
	}
	return v, ok
}

// put sets the value of a key in young, and makes room for it. The lock is held.
func (m *Map[K, V]) put(k K, v V) {
	if _, ok := m.young[k]; !ok && len(m.young) >= m.half() {
		m.young, m.old = nil, m.young
	}
	if m.young == nil {
		m.young = make(map[K]V)
	}
	m.young[k] = v
	delete(m.old, k)
}

func (m *Map[K, V]) half() int {
	if m.Max <= 0 {
		return DefaultMax / 2
	}
	return (m.Max + 1) / 2
}
