package policy

import (
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestMemoAgainstMap compares the memo with a map: it may miss, but what it returns is what
// was put last, and it stays within its bound.
func TestMemoAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const capacity = 64 << 10
		m, model := newMemo[int](capacity), make(map[string]int)
		key := rapid.Map(rapid.IntRange(0, 400), func(i int) string { return strings.Repeat("k", i) })
		n := 0
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k, n1 := key.Draw(t, "key"), n
				m.Put(k, n1, rapid.IntRange(0, 5000).Draw(t, "bytes"))
				model[k], n = n1, n+1
			},
			"get": func(t *rapid.T) {
				k := key.Draw(t, "key")
				got, ok := m.Get([]byte(k))
				if want, put := model[k]; ok && (!put || got != want) {
					t.Fatalf("Get(%d bytes) = %d, want %d (put: %v) or nothing", len(k), got, want, put)
				}
			},
			"": func(t *rapid.T) { withinBounds(t, m) },
		})
	})
}

func withinBounds(t *rapid.T, m *memo[int]) {
	for i := range m.shards {
		s := &m.shards[i]
		weight, live := 0, 0
		for _, slot := range s.slots {
			weight += slot.weight
			if slot.weight > 0 {
				live++
			}
		}
		if weight != s.weight || weight > s.capacity || live != len(s.index) || live+len(s.free) != len(s.slots) {
			t.Fatalf("shard %d: weight %d (counted %d) of %d, %d in use, %d indexed, %d free, %d slots",
				i, s.weight, weight, s.capacity, live, len(s.index), len(s.free), len(s.slots))
		}
	}
}

func TestMemoKeepsWhatIsUsed(t *testing.T) {
	m := newMemo[int](memoShards * 8 * slotOverhead)
	m.Put("hot", 1, 0)
	for i := range 1000 {
		m.Put(strings.Repeat("c", 2+i%100), i, 0)
		if _, ok := m.Get([]byte("hot")); !ok {
			t.Fatalf("the value in constant use was evicted after %d others", i+1)
		}
	}
}

func TestMemoIgnoresLargeValues(t *testing.T) {
	m := newMemo[int](64 << 10)
	m.Put("x", 1, 64<<10)
	if _, ok := m.Get([]byte("x")); ok || m.Len() != 0 {
		t.Error("a value larger than a shard was remembered")
	}
}

func TestHammerMemo(t *testing.T) {
	m := newMemo[string](16 << 10)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				k := strings.Repeat("k", i%50)
				if v, ok := m.Get([]byte(k)); ok && v != k {
					t.Errorf("Get(%q) = %q", k, v)
				}
				m.Put(k, k, 100)
			}
		})
	}
	wg.Wait()
}
