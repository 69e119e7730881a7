// Package bounded holds a map that never grows past a number of entries: for what is
// worth remembering, and can be found out again once it has been forgotten.
//
// It is not a cache with expiry or weights, and not a place for what must not be lost.
package bounded

import "sync"

// DefaultMax is how many entries a Map holds unless told otherwise.
const DefaultMax = 1024

// Map remembers at most Max entries. When it is full, entries that were not used lately
// are dropped: the Max/2 keys last read or written are always there, of the others some.
//
// Its zero value is an empty map of DefaultMax entries. It is safe for concurrent use,
// and must not be copied after first use.
type Map[K comparable, V any] struct {
	// Max bounds the entries; zero means DefaultMax. An odd number is rounded up. It must
	// not change after first use.
	Max int

	mu sync.RWMutex
	// young holds what was used since it was last empty. When it is full it becomes old,
	// and what was old is dropped.
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
	m.mu.Lock() // once for every key and generation
	defer m.mu.Unlock()
	return m.renew(k)
}

// Put stores a value in place of any that the key had.
func (m *Map[K, V]) Put(k K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(k, v)
}

// Update stores what change makes of the value of a key, or of the zero value if it has
// none. It calls change once, which must not use the map.
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

// renew finds a key and makes it young. The lock is held.
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

// put makes room and stores. The lock is held.
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
