package pipeline

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestTightestLimit: callers see the limit that will refuse them first, and one that only warns
// where no other counts the same unit.
func TestTightestLimit(t *testing.T) {
	limit := func(name string, u llm.Unit, left int64, action llm.OnExceed) llm.LimitState {
		return llm.LimitState{Limit: llm.Limit{Name: name, Unit: u, Max: 100, OnExceed: action}, Before: 100 - left}
	}
	var x state
	for name, c := range map[string]struct {
		limits []llm.LimitState
		want   string
		left   int64
	}{
		"none":                       {[]llm.LimitState{limit("rpm", llm.UnitRequests, 3, "")}, "", 0},
		"least left":                 {[]llm.LimitState{limit("a", llm.UnitUSD, 30, ""), limit("b", llm.UnitUSD, 20, llm.ExceedCut), limit("c", llm.UnitUSD, 25, "")}, "b", 20},
		"hard before soft":           {[]llm.LimitState{limit("soft", llm.UnitUSD, 0, llm.ExceedWarn), limit("hard", llm.UnitUSD, 50, "")}, "hard", 50},
		"hard, though it came first": {[]llm.LimitState{limit("hard", llm.UnitUSD, 50, ""), limit("soft", llm.UnitUSD, -10, llm.ExceedWarn)}, "hard", 50},
		"soft alone":                 {[]llm.LimitState{limit("soft", llm.UnitUSD, -10, llm.ExceedWarn)}, "soft", 0},
	} {
		s, left := x.tightest(c.limits, llm.UnitUSD)
		if got := nameOf(s); got != c.want || left != c.left {
			t.Errorf("%s: %q with %d left, want %q with %d", name, got, left, c.want, c.left)
		}
	}
}

func nameOf(s *llm.LimitState) string {
	if s == nil {
		return ""
	}
	return s.Name
}
