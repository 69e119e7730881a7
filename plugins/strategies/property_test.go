package strategies

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	penstock "github.com/penstock/penstock/sdk/go"
)

// drawQuery is any request to any strategy, odd figures included.
func drawQuery(t *rapid.T) query {
	q := query{text: rapid.SampledFrom(Names()).Draw(t, "strategy") + "\nseed=" + decimal(rapid.IntRange(0, 1<<40).Draw(t, "seed")),
		input: rapid.Uint32().Draw(t, "input"), maxOutput: rapid.Uint32().Draw(t, "output")}
	figure := rapid.OneOf(rapid.SampledFrom([]float64{0, 1, math.NaN(), math.Inf(1), -1, math.MaxFloat64, 5e-324}), rapid.Float64Range(0, 1000))
	for i := range uint32(rapid.IntRange(1, 40).Draw(t, "targets")) {
		q.targets = append(q.targets, penstock.Target{Index: i, Flags: rapid.Uint32Range(0, 15).Draw(t, "flags"),
			PriceIn: rapid.Int64().Draw(t, "in"), PriceOut: rapid.Int64Range(0, 1e12).Draw(t, "out"), PriceCached: rapid.Int64Range(0, 1e10).Draw(t, "cached"),
			Inflight: rapid.Uint32().Draw(t, "inflight"), Quality: figure.Draw(t, "quality"), FirstToken: figure.Draw(t, "first"),
			Speed: figure.Draw(t, "speed"), ErrorRate: figure.Draw(t, "errors"), Weight: figure.Draw(t, "weight"), Order: rapid.Int32().Draw(t, "order"),
			RemainingRequests: rapid.Uint32Range(0, 2).Draw(t, "requests"), RemainingTokens: rapid.Uint32().Draw(t, "tokens"), CachedPrefix: rapid.Uint32().Draw(t, "prefix")})
		q.figures = append(q.figures, figures{figure.Draw(t, "samples"), rapid.Uint64().Draw(t, "sticky"), rapid.Uint32().Draw(t, "most"),
			rapid.Uint32().Draw(t, "expected"), figure.Draw(t, "used")})
	}
	return q
}

// TestEveryTargetIsRankedOnce holds for any figures: each target once, no score that is not a
// number, the same answer to the same request, fallbacks last.
func TestEveryTargetIsRankedOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		q := drawQuery(rt)
		got, scores := order(t, q)
		if again, _ := order(t, q); !slices.Equal(got, again) {
			rt.Fatalf("the same request gives %v, then %v", got, again)
		}
		if sorted := slices.Compact(slices.Sorted(slices.Values(got))); len(sorted) != len(q.targets) || sorted[len(sorted)-1] >= uint32(len(q.targets)) {
			rt.Fatalf("order %v of %d targets", got, len(q.targets))
		}
		if slices.ContainsFunc(scores, math.IsNaN) {
			rt.Fatalf("scores %v", scores)
		}
		seen := false
		for _, i := range got {
			fallback := q.targets[i].Flags&penstock.TargetFallback != 0
			if seen && !fallback {
				rt.Fatalf("a fallback comes before another target in %v", got)
			}
			seen = seen || fallback
		}
	})
}

// TestBalancedIsMonotonic raises one weight: the first target is then no worse by that figure.
func TestBalancedIsMonotonic(t *testing.T) {
	figures := map[string]func(penstock.Target) float64{
		"cost":    func(t penstock.Target) float64 { return -float64(t.PriceIn) },
		"quality": func(t penstock.Target) float64 { return t.Quality },
		"latency": func(t penstock.Target) float64 { return -t.FirstToken },
		"errors":  func(t penstock.Target) float64 { return -t.ErrorRate },
	}
	rapid.Check(t, func(rt *rapid.T) {
		q := query{input: 1000, maxOutput: 1}
		for i := range uint32(rapid.IntRange(2, 12).Draw(rt, "targets")) {
			x := target(i, float64(rapid.IntRange(1, 50).Draw(rt, "price")), 0, float64(rapid.IntRange(0, 10).Draw(rt, "quality"))/10)
			x.FirstToken, x.ErrorRate = float64(rapid.IntRange(1, 50).Draw(rt, "first")), float64(rapid.IntRange(0, 10).Draw(rt, "errors"))/10
			q.targets = append(q.targets, x)
		}
		raised := rapid.SampledFrom([]string{"cost", "quality", "latency", "errors"}).Draw(rt, "raised")
		weights := map[string]int{}
		for name := range figures {
			weights[name] = 1
		}
		last := math.Inf(-1)
		for range 8 {
			q.text = "balanced\n"
			for _, name := range []string{"cost", "quality", "latency", "errors"} {
				q.text += name + "=" + decimal(weights[name]) + "\n"
			}
			q.text += "seed=1"
			got, _ := order(t, q)
			x := figures[raised](q.targets[got[0]])
			if x < last-1e-9 {
				rt.Fatalf("with more weight on %s, the first target got worse by it: %v after %v", raised, x, last)
			}
			last, weights[raised] = x, weights[raised]*3
		}
	})
}
