package llm

import (
	"fmt"
	"math"
	"testing"
)

// TestStickyHashIsTheSameEverywhere holds values that other gateways rely on.
func TestStickyHashIsTheSameEverywhere(t *testing.T) {
	for _, c := range []struct {
		session, target string
		want            uint64
	}{{"", "p/m", 0}, {"s", "p/m", 11434100043392936009}, {"s", "", 1964488179480921487}} {
		if got := StickyHash(c.session, c.target); got != c.want {
			t.Errorf("StickyHash(%q, %q) = %d, want %d", c.session, c.target, got, c.want)
		}
	}
	if StickyHash("ab", "c") == StickyHash("a", "bc") {
		t.Error("where one name ends does not count")
	}
}

// TestStickyHashSpreadsSessions has the highest hash choose among five targets, then among
// four of them.
func TestStickyHashSpreadsSessions(t *testing.T) {
	const sessions, targets = 5000, 5
	best := func(session string, n int) (at int) {
		high := uint64(0)
		for i := range n {
			if h := StickyHash(session, fmt.Sprintf("p/m%d", i)); h > high {
				at, high = i, h
			}
		}
		return at
	}
	var counts [targets]int
	for i := range sessions {
		name := fmt.Sprintf("session-%d", i)
		before := best(name, targets)
		counts[before]++
		if after := best(name, targets-1); before != targets-1 && after != before {
			t.Errorf("%s moved from target %d to %d although its own is still there", name, before, after)
		}
	}
	for i, n := range counts {
		if math.Abs(float64(n)-sessions/targets) > 0.1*sessions/targets {
			t.Errorf("target %d got %d of %d sessions, want a fifth", i, n, sessions)
		}
	}
}
