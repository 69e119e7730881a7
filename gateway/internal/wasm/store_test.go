package wasm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// modelStore is the store in its simplest form: a list that is searched from the start.
type modelStore struct {
	now     time.Time
	entries []modelEntry // in the order of writing
}

type modelEntry struct {
	key, value string
	expires    time.Time
}

func (m *modelStore) get(key string) (string, bool) {
	for _, e := range m.entries {
		if e.key == key && e.expires.After(m.now) {
			return e.value, true
		}
	}
	return "", false
}

func (m *modelStore) remove(key string) {
	m.entries = slices.DeleteFunc(m.entries, func(e modelEntry) bool { return e.key == key })
}

func (m *modelStore) set(key, value string, ttl time.Duration) bool {
	if len(value) > maxValue {
		return false
	}
	m.remove(key)
	m.entries = slices.DeleteFunc(m.entries, func(e modelEntry) bool { return !e.expires.After(m.now) })
	for m.size()+len(key)+len(value) > maxStored || len(m.entries) >= maxEntries {
		first := slices.MinFunc(m.entries, func(a, b modelEntry) int { return a.expires.Compare(b.expires) })
		m.remove(first.key)
	}
	m.entries = append(m.entries, modelEntry{key, value, m.now.Add(ttl)})
	return true
}

func (m *modelStore) size() int {
	n := 0
	for _, e := range m.entries {
		n += len(e.key) + len(e.value)
	}
	return n
}

func TestTheStoreIsLikeItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := &modelStore{now: time.Unix(1000, 0)}
		s := newStore(func() time.Time { return model.now })
		keys := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e", strings.Repeat("k", maxKey)})
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				n := rapid.SampledFrom([]int{0, 1, 1000, maxValue, maxValue + 1}).Draw(t, "size")
				value := strings.Repeat(rapid.SampledFrom([]string{"x", "y"}).Draw(t, "fill"), n)
				ttl := time.Duration(rapid.IntRange(1, 20).Draw(t, "ttl")) * time.Second
				if got, want := s.set([]byte(key), []byte(value), ttl), model.set(key, value, ttl); got != want {
					t.Fatalf("set of %d bytes = %v, want %v", n, got, want)
				}
			},
			"fill": func(t *rapid.T) { // to the bound of bytes
				for i := range rapid.IntRange(1, 20).Draw(t, "entries") {
					key, value := fmt.Sprintf("fill%d", i), strings.Repeat("z", maxValue-1)
					ttl := time.Duration(rapid.IntRange(1, 20).Draw(t, "ttl")) * time.Second
					s.set([]byte(key), []byte(value), ttl)
					model.set(key, value, ttl)
				}
			},
			"remove": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				s.remove([]byte(key))
				model.remove(key)
			},
			"wait": func(t *rapid.T) {
				model.now = model.now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "seconds")) * time.Second)
			},
			"": func(t *rapid.T) {
				for _, key := range []string{"", "a", "b", "c", "d", "e", "fill0", "fill19"} {
					got, ok := s.get(nil, []byte(key))
					want, there := model.get(key)
					if ok != there || string(got) != want {
						t.Fatalf("get(%q) = %d bytes, %v, want %d, %v", key, len(got), ok, len(want), there)
					}
				}
				if s.size > maxStored || len(s.queue) != len(s.entries) {
					t.Fatalf("%d bytes, %d entries, %d queued", s.size, len(s.entries), len(s.queue))
				}
			},
		})
	})
}

func TestTheStoreHoldsTenThousandEntries(t *testing.T) {
	now := time.Unix(1000, 0)
	s := newStore(func() time.Time { return now })
	for i := range maxEntries + 5 { // later ones expire later
		s.set(binary.LittleEndian.AppendUint32(nil, uint32(i)), nil, time.Hour+time.Duration(i))
	}
	for i, want := range map[uint32]bool{0: false, 4: false, 5: true, maxEntries + 4: true} {
		if _, ok := s.get(nil, binary.LittleEndian.AppendUint32(nil, i)); ok != want {
			t.Errorf("entry %d is there: %v, want %v", i, ok, want)
		}
	}
}

func TestHammerTheStore(t *testing.T) {
	s := newStore(time.Now)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			own := fmt.Appendf(nil, "own %d", w)
			for i := range 500 {
				value := bytes.Repeat([]byte{byte(w)}, i%100)
				s.set(own, value, time.Hour)
				s.set(fmt.Appendf(nil, "shared %d", i%7), value, time.Hour)
				if got, ok := s.get(nil, own); !ok || !bytes.Equal(got, value) {
					t.Errorf("worker %d found %d bytes, want %d", w, len(got), len(value))
				}
				if got, _ := s.get(nil, []byte("shared 1")); len(got) > 0 && bytes.Count(got, got[:1]) != len(got) {
					t.Error("a value is of two writers")
				}
				s.remove(fmt.Appendf(nil, "shared %d", i%5))
			}
		})
	}
	wg.Wait()
	if len(s.snapshot()) < 8 {
		t.Errorf("%d entries are left, want each worker's own at least", len(s.snapshot()))
	}
}
