package wasm

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/plugins/strategies"
)

// sessionFleet is n measured candidates, the last of which has the session's prompt cached.
func sessionFleet(n int) []llm.Candidate {
	c := fleet(n)
	for i := range c {
		c[i].Target.Order, c[i].Target.Quality, c[i].Sticky = i%3, float64(i%7)/7, llm.StickyHash("s", c[i].Target.ID)
		c[i].Stats.TTFT, c[i].Stats.Samples, c[i].Stats.Inflight = llm.Millis(time.Duration(100+i*37%211)*time.Millisecond), float64(i%5), int64(i%11)
		c[i].Stats.RequestsLeft, c[i].Stats.TokensLeft = -1, -1 // as most providers' limits are unknown
	}
	c[n-1].Target.Order, c[n-1].CachedPrefix, c[n-1].Target.Price = 0, 900, llm.Price{Known: true, Input: 1e9, Output: 4e9, CacheRead: 1e8}
	return c
}

// TestTheBuiltInStrategiesStayWithinTheirFuel ranks as many targets as a model may have.
func TestTheBuiltInStrategiesStayWithinTheirFuel(t *testing.T) {
	req := &llm.Request{ID: "r", Session: "s", Facts: llm.Facts{EstInputTokens: 900, MaxTokens: 300}}
	for _, strategy := range strategies.Names() {
		k := builtinRanker(t, strategy, `{}`)
		for _, most := range []struct {
			targets int
			fuel    int64
		}{{8, 150_000}, {100, 2_000_000}, {1024, 18_000_000}} {
			c := sessionFleet(most.targets)
			k.Rank(context.Background(), req, c) // the first call grows the module's memory
			got := k.Rank(context.Background(), req, c)
			if got.Fault != "" || len(got.Order) != len(c) || got.Fuel > most.fuel {
				t.Errorf("%s takes %d of at most %d instructions for %d targets, ranks %d: %s", strategy, got.Fuel, most.fuel, len(c), len(got.Order), got.Fault)
			}
			if terms := got.Terms[len(c)-1]; !slices.ContainsFunc(terms, func(t llm.Term) bool { return t.Name == "lost_cache_usd" }) {
				t.Errorf("%s: the session's target has the terms %v", strategy, terms)
			}
			if n := explained(got.Terms); n > 33 { // the first 32 and the session's
				t.Errorf("%s explains %d of %d targets, want at most 33", strategy, n, len(c))
			}
		}
	}
}

// explained counts the candidates with terms.
func explained(terms [][]llm.Term) (n int) {
	for _, t := range terms {
		if len(t) > 0 {
			n++
		}
	}
	return n
}

// TestTheBuiltInStrategiesAllocateLittle: what a ranking allocates does not grow with the targets.
func TestTheBuiltInStrategiesAllocateLittle(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	req := &llm.Request{ID: "r", Session: "s", Facts: llm.Facts{EstInputTokens: 900, MaxTokens: 300}}
	for _, strategy := range []string{"ordered", "latency", "balanced"} {
		k, c := builtinRanker(t, strategy, `{}`), sessionFleet(100)
		k.Rank(context.Background(), req, c)
		if n := testing.AllocsPerRun(100, func() { k.Rank(context.Background(), req, c) }); n > 14 {
			t.Errorf("%s allocates %.0f times for %d targets, want at most 14", strategy, n, len(c))
		}
	}
}

// BenchmarkRankBuiltIn ranks with the built-in strategies.
func BenchmarkRankBuiltIn(b *testing.B) {
	req := &llm.Request{ID: "r", Session: "s", Facts: llm.Facts{EstInputTokens: 900, MaxTokens: 300}}
	for _, strategy := range strategies.Names() {
		k := builtinRanker(b, strategy, `{}`)
		for _, n := range []int{8, 100} {
			c := sessionFleet(n)
			b.Run(fmt.Sprintf("%s/%d", strategy, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if got := k.Rank(context.Background(), req, c); got.Fault != "" {
						b.Fatal(got.Fault)
					}
				}
			})
		}
	}
}
