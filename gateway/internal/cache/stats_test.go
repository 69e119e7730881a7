package cache_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// filled returns an entry with n bytes.
func filled(c *cache.Cache, id string, n int) *cache.Entry {
	e := c.NewEntry(cache.Recording{Groups: []cache.Group{cache.ByModel("m"), cache.ByNamespace(""), cache.ByTeam("team")}, Source: id, Target: "provider/model"})
	e.Info = llm.ReplyInfo{Model: "model", Usage: &llm.Usage{Input: 1, Output: 1}, Finish: "stop", Content: true}
	e.Stored = time.Now()
	e.Add(llm.Event{Frame: make([]byte, n), Final: true})
	return e
}

func numbered(i int) (k cache.Key) {
	binary.LittleEndian.PutUint64(k[:], uint64(i)*0x9e3779b97f4a7c15)
	binary.LittleEndian.PutUint64(k[8:], uint64(i))
	return k
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemoryUnderChurn puts many times what fits into caches, and compares the memory that is
// really used with their size.
func TestMemoryUnderChurn(t *testing.T) {
	const size = 16 << 20
	for name, bytes := range map[string]func(*rand.Rand) int{
		"short replies":       func(r *rand.Rand) int { return 200 + r.IntN(400) },
		"vectors":             func(*rand.Rand) int { return 6144 },
		"replies of any size": func(r *rand.Rand) int { return 100 << r.IntN(12) },
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			before := heap()
			c, err := cache.New(size)
			if err != nil {
				t.Fatal(err)
			}
			put := 0
			for total := 0; total < 3*size; put++ {
				n := bytes(r)
				total += n + 600
				c.Put(numbered(put), filled(c, fmt.Sprintf("req_%026d", put), n), time.Hour)
			}
			used, st := heap()-before, c.Stats()
			t.Logf("%d entries of %d, %.1f MiB counted, %.1f MiB used", st.Entries, put, float64(st.Bytes)/(1<<20), float64(used)/(1<<20))
			if used > size*11/10 || st.Bytes > size || st.Bytes < size*8/10 {
				t.Errorf("%d bytes are used and %d counted, want no more than %d and 10 %%", used, st.Bytes, size)
			}
			if st.Evicted == 0 || st.Entries+st.Evicted+st.Rejected != int64(put) {
				t.Errorf("%+v does not add up to %d entries", st, put)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			runtime.KeepAlive(c)
		})
	}
}
