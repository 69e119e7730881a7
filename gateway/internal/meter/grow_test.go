package meter

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// growTo asks for so much output, and for some more.
func growTo(least int64) llm.Ask {
	return llm.Ask{Least: least, Most: llm.Add(least, 10), Amounts: func(output int64) llm.Amounts { return llm.Amounts{OutputTokens: output, Requests: 1} }}
}

// TestGrow: two streams share a limit of 100 tokens.
func TestGrow(t *testing.T) {
	for action, want := range map[llm.OnExceed]struct {
		grown []int64 // what each step has room for; 0 when it is cut. What is held is never lowered
		spent int64
	}{
		llm.ExceedCut:  {[]int64{60, 55, 80, 0}, 101},
		llm.ExceedDeny: {[]int64{60, 55, 80, 81}, 101},
		llm.ExceedWarn: {[]int64{60, 55, 90, 91}, 101},
	} {
		c := at(t, "2026-11-22T10:00:00Z")
		m := New(c.now, nil, Options{})
		limit := count(llm.UnitOutputTokens, "day", 100)
		limit.OnExceed = action
		mustReserve(t, m, "other", []llm.Limit{limit}, llm.Amounts{OutputTokens: 20})
		states := mustReserve(t, m, "a", []llm.Limit{limit}, llm.Amounts{OutputTokens: 20})
		var grown []int64
		var err error
		for _, least := range []int64{50, 45, 80, 81} {
			var output int64
			output, err = m.Grow("a", states, growTo(least))
			grown = append(grown, output)
		}
		if (err != nil) != (action == llm.ExceedCut) {
			t.Errorf("%q: the last step returns %v", action, err)
		}
		if err != nil && (llm.AsError(err).Fault != llm.FaultOverrun || !strings.Contains(err.Error(), "team/search has used 0 of 100 output tokens today, and requests in flight hold 100; resets at 2026-11-23 00:00:00 UTC")) {
			t.Errorf("%q: %v", action, err)
		}
		if !slices.Equal(grown, want.grown) {
			t.Errorf("%q: the steps reserve %v, want %v", action, grown, want.grown)
		}
		m.Settle("a", llm.Amounts{OutputTokens: 81})
		m.Settle("other", llm.Amounts{OutputTokens: 20})
		if got := used(m, limit); got != want.spent {
			t.Errorf("%q: %d are spent, want %d", action, got, want.spent)
		}
	}
}

// TestGrowInTheWindowOfTheReservation: midnight has passed since, so the new day's budget is
// left alone, and the old one still bounds the stream.
func TestGrowInTheWindowOfTheReservation(t *testing.T) {
	for _, window := range []string{"day", "rolling 1m"} {
		c := at(t, "2026-11-22T23:59:59Z")
		m := New(c.now, nil, Options{})
		limit := count(llm.UnitOutputTokens, window, 100)
		limit.OnExceed = llm.ExceedCut
		states := mustReserve(t, m, "late", []llm.Limit{limit}, llm.Amounts{OutputTokens: 20})
		c.t = c.t.Add(2 * time.Minute)
		mustReserve(t, m, "early", []llm.Limit{limit}, llm.Amounts{OutputTokens: 90})
		if output, err := m.Grow("late", states, growTo(95)); err != nil || output != 100 {
			t.Errorf("%s: Grow = %d, %v, want all of the old window", window, output, err)
		}
		if _, err := m.Grow("late", states, growTo(101)); err == nil || strings.Contains(err.Error(), "resets") {
			t.Errorf("%s: Grow beyond the old window = %v", window, err)
		}
		if got := used(m, limit); got != 90 {
			t.Errorf("%s: the new window counts %d, want 90", window, got)
		}
	}
}

// TestGrowOfWhatIsNotHeld: an unknown or settled reservation has nothing to grow.
func TestGrowOfWhatIsNotHeld(t *testing.T) {
	m := New(at(t, "2026-11-22T10:00:00Z").now, nil, Options{})
	limit := count(llm.UnitOutputTokens, "day", 100)
	limit.OnExceed = llm.ExceedCut
	states := mustReserve(t, m, "a", []llm.Limit{limit}, llm.Amounts{OutputTokens: 20})
	m.Settle("a", llm.Amounts{OutputTokens: 20})
	for _, name := range []string{"a", "unknown"} {
		if output, err := m.Grow(name, states, growTo(500)); err != nil || output != 510 || used(m, limit) != 20 {
			t.Errorf("Grow(%s) = %d, %v with %d counted", name, output, err, used(m, limit))
		}
	}
}

// TestEnormousAmounts: sums stay in range, and what is given back was taken.
func TestEnormousAmounts(t *testing.T) {
	m := New(at(t, "2026-11-22T10:00:00Z").now, nil, Options{})
	hard, soft := count(llm.UnitOutputTokens, "rolling 1h", math.MaxInt64), count(llm.UnitOutputTokens, "day", 1)
	soft.OnExceed = llm.ExceedWarn
	for _, limit := range []llm.Limit{hard, soft} {
		limits := []llm.Limit{limit}
		states := map[string][]llm.LimitState{}
		for _, name := range []string{"a", "b", "c"} {
			s, _, err := m.Reserve(name, limits, llm.Exactly(llm.Amounts{OutputTokens: math.MaxInt64 / 3}))
			if err != nil {
				t.Fatal(err)
			}
			states[name] = s
		}
		if _, err := m.Grow("a", states["a"], growTo(math.MaxInt64)); err != nil {
			t.Errorf("Grow = %v", err)
		}
		for _, name := range []string{"b", "a", "c"} {
			m.Settle(name, llm.Amounts{OutputTokens: math.MaxInt64})
		}
		if got := used(m, limit); got != math.MaxInt64 {
			t.Errorf("%s: %d are counted, want the largest number", limit.Window, got)
		}
		for c := range m.All() {
			if c.Reserved != 0 {
				t.Errorf("%s: %d are still held", c.Window, c.Reserved)
			}
		}
	}
}
