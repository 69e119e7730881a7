package keys

import (
	"context"
	"sync"
	"testing"
)

func TestCacheClear(t *testing.T) {
	c := newCache(10)
	_, _, epoch := c.get("5")
	c.put("5", &entry{}, epoch)
	c.put("x", nil, epoch)
	if e, known, _ := c.get("5"); e == nil || !known {
		t.Error("the key just put is not there")
	}
	if e, known, _ := c.get("x"); e != nil || !known {
		t.Error("the unknown id is not cached")
	}
	c.clear()
	c.put("stale", &entry{}, epoch)
	for _, id := range []string{"5", "x", "stale"} {
		if _, known, _ := c.get(id); known {
			t.Errorf("%s, which was read before the cache was cleared, is cached", id)
		}
	}
}

func TestHammer(t *testing.T) {
	db := database(t)
	k, other := open(t, db, newClock()), open(t, db, newClock())
	key, token := create(t, k, Spec{Name: "ci"})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 300 {
				p, err := k.Authenticate(t.Context(), token.Reveal())
				if err != nil || p.KeyID != key.ID {
					t.Errorf("Authenticate = %v, %v", p, err)
					return
				}
				if w == 0 && i%30 == 0 {
					made, _ := create(t, other, Spec{Name: "x"})
					if _, err := k.Revoke(t.Context(), made.ID); err != nil {
						t.Error(err)
					}
					if err := k.Close(t.Context()); err != nil { // writes what was noted meanwhile
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if _, err := other.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	k.cache.clear()
	wantRefusal(t, k, token.Reveal(), "revoked")
}

func TestAuthenticateAllocatesNothing(t *testing.T) {
	k := open(t, database(t), newClock())
	_, token := create(t, k, Spec{Name: "ci", Models: []string{"a"}})
	text := token.Reveal()
	got := testing.AllocsPerRun(100, func() {
		if _, err := k.Authenticate(context.Background(), text); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("Authenticate of a cached key allocates %v times, want 0", got)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	k, err := Open(b.Context(), database(b), Options{})
	if err != nil {
		b.Fatal(err)
	}
	_, token := create(b, k, Spec{Name: "ci"})
	text := token.Reveal()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Authenticate(context.Background(), text); err != nil {
			b.Fatal(err)
		}
	}
}
