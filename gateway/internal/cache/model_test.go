package cache_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/cache"
)

// stored is one entry of the model.
type stored struct {
	target, namespace string
	until             time.Time
}

// TestAgainstModel compares the cache, far from full, with a map: both must have the same
// entries.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 60).Draw(rt, "steps")
		keys := rapid.SliceOfN(rapid.IntRange(0, 4), len(steps), len(steps)).Draw(rt, "keys")
		waits := rapid.SliceOfN(rapid.IntRange(1, 50), len(steps), len(steps)).Draw(rt, "waits")
		var fault string
		synctest.Test(t, func(t *testing.T) { fault = play(t, steps, keys, waits) })
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}

func play(t *testing.T, steps, keys, waits []int) (fault string) {
	c, err := cache.New(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	model := map[string]stored{}
	for i, step := range steps {
		name := fmt.Sprint(keys[i])
		key := cache.NewKey([]byte(name))
		switch {
		case step < 4:
			k := stored{target: fmt.Sprint(i), namespace: fmt.Sprint(keys[i] % 2), until: time.Now().Add(time.Duration(waits[i]) * time.Second)}
			c.Put(key, c.NewEntry(cache.Recording{Target: k.target, Groups: []cache.Group{cache.ByNamespace(k.namespace)}}), time.Until(k.until))
			c.Wait()
			model[name] = k
		case step < 7:
			want, there := model[name]
			there = there && time.Now().Before(want.until)
			e, ok := c.Get(key)
			if ok != there || ok && e.Target != want.target {
				return fmt.Sprintf("step %d: Get(%s) = %v, want %v (%+v)", i, name, ok, there, want)
			}
		case step == 7:
			_ = c.Purge(context.Background()) // there is nobody to tell
			clear(model)
		case step == 8:
			_ = c.PurgeGroup(context.Background(), cache.ByNamespace(fmt.Sprint(keys[i]%2)))
			for n, k := range model {
				if k.namespace == fmt.Sprint(keys[i]%2) {
					delete(model, n)
				}
			}
		default:
			// A little beyond, however often, so that no entry expires at this very instant.
			time.Sleep(time.Duration(waits[i])*time.Second + time.Second/128)
		}
	}
	return ""
}
