package upstream

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// near checks a duration to the accuracy that quantiles promise.
func near(t testing.TB, what string, got, want time.Duration) {
	t.Helper()
	if off := math.Abs(float64(got)/float64(want) - 1); off > 0.045 {
		t.Errorf("%s = %v, want %v within 4.5 %%", what, got, want)
	}
}

// TestQuantiles holds the histogram against sorting what it was given.
func TestQuantiles(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		samples := rapid.SliceOfN(rapid.Int64Range(int64(2*time.Millisecond), int64(10*time.Minute)), 1, 300).Draw(rt, "samples")
		var q quantiles
		for _, v := range samples {
			q.add(testNow, time.Duration(v))
		}
		slices.Sort(samples)
		for share, got := range map[float64]time.Duration{0.50: q.p50, 0.95: q.p95} {
			rank := max(int(math.Ceil(float64(len(samples))*share-1e-3)), 1)
			near(t, "the quantile", got, time.Duration(samples[rank-1]))
		}
	})
}

func TestQuantilesFollowTheTimes(t *testing.T) {
	var q quantiles
	now := testNow
	for range 100 {
		q.add(now, 100*time.Millisecond)
	}
	for range 10 {
		now = now.Add(sampleHalfLife)
		q.add(now, time.Second)
	}
	near(t, "p50 after ten half-lives", q.p50, time.Second)
	for range 100 { // the weights are scaled down meanwhile
		now = now.Add(sampleHalfLife)
		q.add(now, 2*time.Second)
	}
	near(t, "p50 after a hundred more", q.p50, 2*time.Second)
	now = now.Add(1000 * sampleHalfLife)
	q.add(now, 50*time.Millisecond)
	near(t, "p50 after a long silence", q.p50, 50*time.Millisecond)
	near(t, "p95 after a long silence", q.p95, 50*time.Millisecond)
}

// TestQuantilesAreBounded: times beyond the histogram count as its ends.
func TestQuantilesAreBounded(t *testing.T) {
	for v, want := range map[time.Duration]time.Duration{-1: time.Millisecond, 0: time.Millisecond, 1: time.Millisecond,
		time.Hour: 1004 * time.Second, math.MaxInt64: 1004 * time.Second} {
		var q quantiles
		q.add(testNow, v)
		near(t, "the median of "+v.String(), q.p50, want)
	}
}

func BenchmarkQuantiles(b *testing.B) {
	var q quantiles
	b.ReportAllocs()
	now := testNow
	for b.Loop() {
		now = now.Add(time.Millisecond)
		q.add(now, 300*time.Millisecond)
	}
}
