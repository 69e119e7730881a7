package strategies

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSortIsThatOfCompare sorts by keys, and compares with a sort that compares candidates.
func TestSortIsThatOfCompare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		score := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, math.Nextafter(1, 2), -1, math.NaN(), math.Inf(1), math.Inf(-1)}))
		level := rapid.SampledFrom([]*rapid.Generator[int64]{rapid.Int64Range(-3, 60), rapid.Int64Range(math.MinInt32, math.MaxInt32)}).Draw(t, "levels")
		r := &ranker{candidates: make([]candidate, rapid.IntRange(0, 60).Draw(t, "targets"))}
		var want []int32
		for i := range r.candidates {
			want = append(want, int32(i))
			r.candidates[i] = candidate{position: i, score: score.Draw(t, "score"), tie: score.Draw(t, "tie"), level: level.Draw(t, "level"),
				standing: rapid.Int64Range(0, 3).Draw(t, "standing"), spared: rapid.Bool().Draw(t, "spared"), place: place(rapid.IntRange(0, int(belowFloor)).Draw(t, "place"))}
		}
		slices.SortFunc(want, func(a, b int32) int { return r.candidates[a].compare(&r.candidates[b]) })
		if r.sort(); !slices.Equal(r.order, want) {
			t.Errorf("order %v, want %v", r.order, want)
		}
	})
}
