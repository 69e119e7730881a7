package main

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestPercentile(t *testing.T) {
	ten := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for _, c := range []struct {
		values []int
		p      float64
		want   int
	}{
		{nil, 50, 0}, {[]int{7}, 0, 7}, {[]int{7}, 100, 7},
		{ten, 0, 1}, {ten, 50, 5}, {ten, 51, 6}, {ten, 90, 9}, {ten, 99, 10}, {ten, 100, 10},
	} {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("percentile(%v, %v) = %v, want %v", c.values, c.p, got, c.want)
		}
	}
}

func TestPercentileIsTheSmallestThatCovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.IntRange(0, 50), 1, 200).Draw(t, "values")
		p := rapid.Float64Range(0.01, 100).Draw(t, "p")
		slices.Sort(values)
		got := percentile(values, p)
		covered := func(limit int) float64 {
			n := 0
			for _, v := range values {
				if v <= limit {
					n++
				}
			}
			return float64(n)
		}
		need := p / 100 * float64(len(values))
		if covered(got) < need || covered(got-1) >= need {
			t.Fatalf("percentile(%v, %v) = %d", values, p, got)
		}
	})
}

func TestMedian(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3}, {[]float64{9, 1, 4}, 4}, {[]float64{4, 1}, 2.5}, {[]float64{nan, 1, nan, 3}, 2},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
	}
	for _, none := range [][]float64{nil, {nan}} {
		if got := median(none); !math.IsNaN(got) {
			t.Errorf("median(%v) = %v, want NaN", none, got)
		}
	}
}
