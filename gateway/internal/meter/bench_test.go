package meter

import (
	"fmt"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// sixLimits are the limits of one request: of its key and its team, in money, requests, tokens
// and concurrency.
func sixLimits(key, team int) []llm.Limit {
	k, tm := fmt.Sprintf("key:abcd%04d", key), fmt.Sprintf("team:search-%d", team)
	return []llm.Limit{
		{Name: "key day", Scope: k, Unit: llm.UnitUSD, Window: "day", Max: 1 << 60},
		{Name: "key rate", Scope: k, Unit: llm.UnitRequests, Window: "1m", Max: 1 << 60},
		{Name: "key flight", Scope: k, Unit: llm.UnitConcurrent, Max: 1 << 60},
		{Name: "team month", Scope: tm, Unit: llm.UnitUSD, Window: "month", Max: 1 << 60, OnExceed: llm.ExceedCut},
		{Name: "team warning", Scope: tm, Unit: llm.UnitUSD, Window: "month", Max: 1 << 59, OnExceed: llm.ExceedWarn},
		{Name: "team tokens", Scope: tm, Unit: llm.UnitTokens, Window: "rolling 1h", Max: 1 << 60},
	}
}

// filled is a meter with so many keys and teams, and the limits of each.
func filled(t testing.TB, now func() time.Time, keys int) (*Meter, [][]llm.Limit) {
	m := New(now, nil, Options{})
	all := make([][]llm.Limit, keys)
	for i := range all {
		all[i] = sixLimits(i, i)
		mustReserve(t, m, "fill", all[i], oneRequest())
		m.Settle("fill", oneRequest())
	}
	return m, all
}

func oneRequest() llm.Amounts {
	return llm.Amounts{USD: 1000, InputTokens: 10, OutputTokens: 10, Requests: 1}
}

func BenchmarkReserveSettle(b *testing.B) {
	for _, keys := range []int{1, 10, 1000, 100_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			m, limits := filled(b, time.Now, keys)
			ask, i := llm.Exactly(oneRequest()), 0
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := m.Reserve("req_01JD3Q", limits[i%keys], ask); err != nil {
					b.Fatal(err)
				}
				m.Settle("req_01JD3Q", oneRequest())
				i += 7919 // a prime, so that keys come in no order
			}
		})
	}
}

func BenchmarkReserveSettleParallel(b *testing.B) {
	m, limits := filled(b, time.Now, 1000)
	ask := llm.Exactly(oneRequest())
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		lease, i := fmt.Sprintf("req_%p", pb), 0
		for pb.Next() {
			if _, _, err := m.Reserve(lease, limits[i%len(limits)], ask); err != nil {
				b.Fatal(err)
			}
			m.Settle(lease, oneRequest())
			i += 7919
		}
	})
}

func BenchmarkSweep(b *testing.B) {
	m, _ := filled(b, time.Now, 100_000)
	for b.Loop() {
		m.Sweep(time.Now())
	}
}

// TestReserveAllocations: the states and the charges, which the caller keeps, and nothing more,
// however many keys and teams there are.
func TestReserveAllocations(t *testing.T) {
	if raced {
		t.Skip("the race detector makes allocations of its own")
	}
	most := 100_000
	if testing.Short() {
		most = 1000
	}
	for _, keys := range []int{10, most} {
		m, limits := filled(t, at(t, "2026-11-22T10:00:00Z").now, keys)
		ask, i := llm.Exactly(oneRequest()), 0
		got := testing.AllocsPerRun(1000, func() {
			if _, _, err := m.Reserve("r", limits[i%keys], ask); err != nil {
				t.Fatal(err)
			}
			m.Settle("r", oneRequest())
			i += 7919
		})
		if got > 2 {
			t.Errorf("with %d keys Reserve and Settle allocate %v times, want 2", keys, got)
		}
	}
}

// BenchmarkAll looks at every one of 100,000 meters.
func BenchmarkAll(b *testing.B) {
	m, _ := filled(b, time.Now, 100_000/6)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range m.All() {
			n++
		}
		if n < 80_000 {
			b.Fatal(n)
		}
	}
}
