package bounded

import (
	"sync"
	"testing"
)

func TestMap(t *testing.T) {
	var m Map[string, int]
	if v, ok := m.Get("a"); ok || v != 0 {
		t.Errorf("Get of an empty map = %d, %v", v, ok)
	}
	m.Put("a", 1)
	m.Update("a", func(had int) int { return had + 1 })
	m.Update("b", func(had int) int { return had + 10 })
	for k, want := range map[string]int{"a": 2, "b": 10} {
		if v, ok := m.Get(k); !ok || v != want {
			t.Errorf("Get(%q) = %d, %v, want %d", k, v, ok, want)
		}
	}
	m.Clear()
	if _, ok := m.Get("a"); ok {
		t.Error("a is still there after Clear")
	}
}

// TestMax fills maps far past their bound and counts what they hold.
func TestMax(t *testing.T) {
	for bound, want := range map[int]int{0: DefaultMax, 1: 2, 2: 2, 9: 10, 100: 100} {
		m, most := Map[int, int]{Max: bound}, 0
		for i := range 5000 {
			m.Put(i, i)
			m.Get(i / 2)
			most = max(most, m.count())
			if v, ok := m.Get(i); !ok || v != i {
				t.Fatalf("Max %d: Get(%d) = %d, %v right after Put", bound, i, v, ok)
			}
		}
		if most != want {
			t.Errorf("Max %d: the map held up to %d entries, want %d", bound, most, want)
		}
	}
}

// TestEviction keeps what is in use, however much else comes and goes.
func TestEviction(t *testing.T) {
	m := Map[int, string]{Max: 100}
	m.Put(-1, "read")
	m.Put(-2, "updated")
	m.Put(-3, "unused")
	for i := range 1000 {
		if _, ok := m.Get(-1); !ok {
			t.Fatalf("a key in use was dropped after %d others", i)
		}
		m.Update(-2, func(had string) string {
			if had != "updated" {
				t.Fatalf("after %d others Update found %q", i, had)
			}
			return had
		})
		m.Put(i, "")
	}
	if _, ok := m.Get(-3); ok {
		t.Error("a key not used since 1000 others is still there")
	}
	for i := 1000 - 48; i < 1000; i++ { // with -1 and -2, the 50 used last
		if _, ok := m.young[i]; ok {
			continue
		}
		if _, ok := m.old[i]; !ok {
			t.Errorf("key %d was dropped, though it is among the Max/2 used last", i)
		}
	}
}

// TestHammer has many goroutines use the same few keys.
func TestHammer(t *testing.T) {
	const workers, rounds = 8, 2000
	counts := Map[int, int]{Max: 4 * workers}
	var other Map[int, int]
	other.Max = 10
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				counts.Update(i%2, func(had int) int { return had + 1 })
				if v, ok := counts.Get(i % 2); !ok || v < 1 {
					t.Errorf("Get(%d) = %d, %v", i%2, v, ok)
				}
				other.Put(i%40, i%40)
				if v, ok := other.Get((i + w) % 40); ok && v != (i+w)%40 {
					t.Errorf("Get(%d) = %d", (i+w)%40, v)
				}
				if i%500 == 0 {
					other.Clear()
				}
			}
		})
	}
	wg.Wait()
	for k := range 2 {
		if v, _ := counts.Get(k); v != workers*rounds/2 {
			t.Errorf("%d updates of key %d were kept, want %d", v, k, workers*rounds/2)
		}
	}
	if n := other.count(); n > 10 {
		t.Errorf("%d entries are held, want at most 10", n)
	}
}

func (m *Map[K, V]) count() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.young) + len(m.old)
}
