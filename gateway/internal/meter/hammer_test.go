package meter

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Racing requests never pass a hard limit, and when all is over nothing is held.
func TestHammer(t *testing.T) {
	m := New(time.Now, nil, Options{})
	const most = 100_000
	limits := []llm.Limit{
		{Name: "budget", Scope: "team", Unit: llm.UnitUSD, Window: "month", Max: most},
		{Name: "flight", Scope: "team", Unit: llm.UnitConcurrent, Max: 8},
		{Name: "tokens", Scope: "key", Unit: llm.UnitTokens, Window: "month", Max: most * 10},
	}
	var mu sync.Mutex
	var spent int64
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range 2000 {
				lease := fmt.Sprintf("%d.%d", w, i)
				want := llm.Amounts{USD: llm.NanoUSD(rnd.Int64N(50)), InputTokens: rnd.Int64N(50), Requests: 1}
				states, _, err := m.Reserve(lease, limits, llm.Exactly(want))
				if err != nil {
					continue
				}
				if s := states[0]; s.Before+s.Reserved > most || states[1].Before >= 8 {
					t.Errorf("a hard limit was passed: %+v", states)
				}
				used := want
				used.USD = llm.NanoUSD(rnd.Int64N(int64(want.USD) + 1))
				charges := m.Settle(lease, used)
				mu.Lock()
				for _, c := range charges {
					if c.Unit == llm.UnitUSD {
						spent += c.Amount
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for k, c := range m.counters {
		if c.reserved != 0 {
			t.Errorf("%d of %v are still reserved", c.reserved, k)
		}
	}
	if got := m.counters[key{"team", "month", llm.UnitUSD}].spent; got != spent || spent > most || len(m.leases) != 0 {
		t.Errorf("spent = %d, charged = %d of %d, leases = %d", got, spent, most, len(m.leases))
	}
}

func threeWindows() []llm.Limit {
	return []llm.Limit{
		{Name: "day", Scope: "key:abcdefgh", Unit: llm.UnitUSD, Window: "day", Max: 1 << 60},
		{Name: "month", Scope: "team:search", Unit: llm.UnitUSD, Window: "month", Max: 1 << 60},
		{Name: "rate", Scope: "key:abcdefgh", Unit: llm.UnitRequests, Window: "1m", Max: 1 << 60},
	}
}

func BenchmarkReserveSettle(b *testing.B) {
	m := New(time.Now, nil, Options{})
	limits, want := threeWindows(), llm.Amounts{USD: 1000, InputTokens: 10, OutputTokens: 10, Requests: 1}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := m.Reserve("req_01JD3Q", limits, llm.Exactly(want)); err != nil {
			b.Fatal(err)
		}
		m.Settle("req_01JD3Q", want)
	}
}

func BenchmarkReserveSettleParallel(b *testing.B) {
	m := New(time.Now, nil, Options{})
	limits, want := threeWindows(), llm.Amounts{USD: 1000, InputTokens: 10, OutputTokens: 10, Requests: 1}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		lease := fmt.Sprintf("req_%p", pb)
		for pb.Next() {
			if _, _, err := m.Reserve(lease, limits, llm.Exactly(want)); err != nil {
				b.Fatal(err)
			}
			m.Settle(lease, want)
		}
	})
}

func TestReserveAllocations(t *testing.T) {
	m := New(time.Now, nil, Options{})
	limits, want := threeWindows(), llm.Amounts{USD: 1000, Requests: 1}
	got := testing.AllocsPerRun(100, func() {
		if _, _, err := m.Reserve("r", limits, llm.Exactly(want)); err != nil {
			t.Fatal(err)
		}
		m.Settle("r", want)
	})
	if got > 2 { // the states and the charges, which the caller keeps
		t.Errorf("Reserve and Settle allocate %v times, want 2", got)
	}
}
