package upstream

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	low, high := 100*time.Millisecond, time.Second
	for try, want := range map[int]time.Duration{1: 100, 2: 200, 3: 400, 4: 800, 5: 1000, 100: 1000, 0: 100} {
		want *= time.Millisecond
		if got := Backoff(try, low, high, func() float64 { return 0 }); got != want {
			t.Errorf("Backoff(%d) without luck = %v, want %v", try, got, want)
		}
		got := Backoff(try, low, high, rand.Float64)
		if got <= 0 || got > want {
			t.Errorf("Backoff(%d) = %v, want more than 0 and at most %v", try, got, want)
		}
	}
	if got := Backoff(3, 0, 0, rand.Float64); got != 0 {
		t.Errorf("Backoff without bounds = %v, want 0", got)
	}
}

// testNow is the time at which the tests' clocks begin.
var testNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
