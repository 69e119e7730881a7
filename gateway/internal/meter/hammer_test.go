package meter

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestHammer: requests that race each other never pass a hard limit, and when all is over
// nothing is held. Some are streams that outrun what they reserved, and others look, sweep and
// correct meanwhile.
func TestHammer(t *testing.T) {
	t.Parallel()
	m := New(time.Now, nil, Options{})
	const most = 100_000
	limits := []llm.Limit{
		{Name: "budget", Scope: "team", Unit: llm.UnitUSD, Window: "rolling 24h", Max: most, OnExceed: llm.ExceedCut},
		{Name: "flight", Scope: "team", Unit: llm.UnitConcurrent, Max: 8},
		{Name: "tokens", Scope: "key", Unit: llm.UnitTokens, Window: "quarter", Max: most * 10},
	}
	var spent, overrun atomic.Int64
	var workers, watchers sync.WaitGroup
	for w := range 16 {
		workers.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range 2000 {
				hammerOnce(t, m, limits, fmt.Sprintf("%d.%d", w, i), rnd, &spent, &overrun)
			}
		})
	}
	done := make(chan struct{})
	for _, watch := range []func(){
		func() { m.Sweep(time.Now()) },
		func() { countsOf(m) },
		func() { m.Percent(limits[0]) },
		func() { m.Affordable(limits, llm.Exactly(llm.Amounts{USD: 1}), time.Now().Add(time.Hour)) },
	} {
		watchers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					watch()
				}
			}
		})
	}
	workers.Wait()
	close(done)
	watchers.Wait()
	for c := range m.All() {
		if c.Reserved != 0 || c.Unit == llm.UnitUSD && (c.Spent != spent.Load() || c.Spent > most+overrun.Load()) {
			t.Errorf("%+v; %d were charged, %d of them beyond the limit", c, spent.Load(), overrun.Load())
		}
	}
	if len(m.leases) != 0 {
		t.Errorf("%d leases are left", len(m.leases))
	}
}

// hammerOnce reserves, grows like a stream that outruns its reservation, and settles.
func hammerOnce(t *testing.T, m *Meter, limits []llm.Limit, lease string, rnd *rand.Rand, spent, overrun *atomic.Int64) {
	most := limits[0].Max
	want := llm.Amounts{USD: llm.NanoUSD(rnd.Int64N(50)), InputTokens: rnd.Int64N(50), Requests: 1}
	states, _, err := m.Reserve(lease, limits, llm.Exactly(want))
	if err != nil {
		return
	}
	if s := states[0]; s.Before+s.Reserved > most+overrun.Load() || states[1].Before >= 8 {
		t.Errorf("a hard limit was passed: %+v", states)
	}
	used := want
	used.USD = llm.NanoUSD(rnd.Int64N(int64(want.USD) + 1))
	if rnd.IntN(4) == 0 {
		used.USD = want.USD + llm.NanoUSD(rnd.Int64N(20))
		if _, err := m.Grow(lease, states, llm.Exactly(used)); err != nil {
			overrun.Add(int64(used.USD - want.USD)) // it has come by then, and is booked
		}
	}
	for _, c := range m.Settle(lease, used) {
		if c.Unit == llm.UnitUSD {
			spent.Add(c.Amount)
		}
	}
}

// TestAllHammer: while meters come and go, those that are there throughout are each seen once.
func TestAllHammer(t *testing.T) {
	t.Parallel()
	const stays = 3 * sweepAtOnce
	m := New(time.Now, nil, Options{})
	for i := range stays {
		reserveOne(t, m, "stay", llm.Limit{Scope: fmt.Sprintf("stay:%d", i), Unit: llm.UnitRequests, Window: "year", Max: 9})
	}
	done := make(chan struct{})
	var workers sync.WaitGroup
	for w := range 2 {
		workers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				reserveOne(t, m, fmt.Sprint(w), llm.Limit{Scope: fmt.Sprintf("go:%d.%d", w, i%5000), Unit: llm.UnitConcurrent, Max: 9})
				if i%500 == 0 {
					m.Sweep(time.Now())
				}
			}
		})
	}
	for range 50 {
		seen := map[string]int{}
		for c := range m.All() {
			if strings.HasPrefix(c.Scope, "stay:") {
				seen[c.Scope]++
			}
		}
		for scope, n := range seen {
			if n != 1 {
				t.Errorf("%s was seen %d times", scope, n)
			}
		}
		if len(seen) != stays {
			t.Errorf("%d of %d meters were seen", len(seen), stays)
		}
	}
	close(done)
	workers.Wait()
}

// reserveOne reserves and settles one request on a limit.
func reserveOne(t *testing.T, m *Meter, lease string, limit llm.Limit) {
	if _, _, err := m.Reserve(lease, []llm.Limit{limit}, llm.Exactly(llm.Amounts{Requests: 1})); err != nil {
		t.Error(err)
	}
	m.Settle(lease, llm.Amounts{Requests: 1})
}
