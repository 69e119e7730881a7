package main

import (
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/ratelimit"
)

// TestLimitsSayWhatIsLeft takes requests from a limit of each family and has the gateway read
// the headers.
func TestLimitsSayWhatIsLeft(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 20, 0, time.UTC)
	for family, full := range map[family]time.Duration{openAI: 6 * time.Second, anthropic: 6 * time.Second, azure: 41 * time.Second} {
		l := newLimits(limit{requests: 10, tokens: 1000, family: family})
		h, ok := l.take(start, 100)
		got := ratelimit.Read(h, start)
		if !ok || got.Requests != 9 || got.Tokens != 900 || got.RequestShare != 0.9 || got.TokensUntil.Sub(start) != full {
			t.Errorf("family %d: %+v, %v", family, got, ok)
		}
		for range 9 {
			_, ok = l.take(start, 90)
		}
		if !ok {
			t.Fatalf("family %d refuses what is left", family)
		}
		if h, ok = l.take(start, 50); ok || ratelimit.Delay(h.Get("Retry-After"), start) <= 0 {
			t.Errorf("family %d: an eleventh request is taken, or not told to wait: %v", family, h)
		}
		if _, ok = l.take(start.Add(50*time.Second), 50); !ok {
			t.Errorf("family %d takes nothing after 50 seconds", family)
		}
	}
	if h, ok := newLimits(limit{}).take(start, 1e6); !ok || len(h) > 0 {
		t.Errorf("no limit: %v, %v", h, ok)
	}
}

func TestAxis(t *testing.T) {
	for _, c := range []struct {
		axis axis
		want []float64
	}{
		{axis{low: 0, high: 1}, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{axis{low: 0, high: 24}, []float64{0, 5, 10, 15, 20}},
		{axis{low: 5, high: 200, log: true}, []float64{5, 10, 20, 50, 100, 200}},
	} {
		got := c.axis.ticks()
		if len(got) != len(c.want) {
			t.Errorf("ticks %v, want %v", got, c.want)
			continue
		}
		for i := range got {
			if got[i]-c.want[i] > 1e-9 || c.want[i]-got[i] > 1e-9 {
				t.Errorf("ticks %v, want %v", got, c.want)
			}
		}
		if c.axis.at(c.axis.low) != 0 || c.axis.at(c.axis.high) != 1 {
			t.Errorf("the ends of %v lie at %v and %v", c.axis, c.axis.at(c.axis.low), c.axis.at(c.axis.high))
		}
	}
	if got := clock(1.5); got != "1:30" {
		t.Errorf("clock(1.5) = %s", got)
	}
}
