package meter

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// spend reserves and settles requests at this time.
func spend(t testing.TB, m *Meter, limit llm.Limit, n int64) {
	t.Helper()
	mustReserve(t, m, "spend", []llm.Limit{limit}, llm.Amounts{Requests: n})
	m.Settle("spend", llm.Amounts{Requests: n})
}

// used returns what a limit's meter counts now.
func used(m *Meter, limit llm.Limit) int64 {
	for c := range m.All() {
		if c.Scope == limit.Scope && c.Window == limit.Window && c.Unit == limit.Unit {
			return c.Spent + c.Reserved
		}
	}
	return 0
}

// TestRollingWindow: an amount counts for an hour, and for at most one part longer.
func TestRollingWindow(t *testing.T) {
	c := at(t, "2026-11-22T10:00:30Z")
	m := New(c.now, nil, Options{})
	limit := count(llm.UnitRequests, "rolling 1h", 10)
	spend(t, m, limit, 4)
	for _, step := range []struct {
		after time.Duration
		want  int64
	}{{time.Minute, 4}, {59 * time.Minute, 4}, {29 * time.Second, 4}, {2 * time.Second, 0}} {
		c.t = c.t.Add(step.after)
		if got := used(m, limit); got != step.want {
			t.Errorf("at %s %d are counted, want %d", c.t.Format(time.TimeOnly), got, step.want)
		}
	}
}

// TestRollingWindowHasNoEdge: where a fixed window lets twice its limit pass around its end, a
// rolling one does not.
func TestRollingWindowHasNoEdge(t *testing.T) {
	for window, want := range map[string]int{"1h": 20, "rolling 1h": 10} {
		c := at(t, "2026-11-22T10:59:00Z")
		m, passed := New(c.now, nil, Options{}), 0
		for range 100 {
			limits := []llm.Limit{count(llm.UnitRequests, window, 10)}
			if _, _, err := m.Reserve("r", limits, llm.Exactly(llm.Amounts{Requests: 1})); err == nil {
				m.Settle("r", llm.Amounts{Requests: 1})
				passed++
			}
			c.t = c.t.Add(2 * time.Second)
		}
		if passed != want {
			t.Errorf("%s: %d requests pass around the hour, want %d", window, passed, want)
		}
	}
}

// TestRollingRefusalsSayWhenEnoughHasLeft: not when all has.
func TestRollingRefusalsSayWhenEnoughHasLeft(t *testing.T) {
	c := at(t, "2026-11-22T10:00:00Z")
	m := New(c.now, nil, Options{})
	limit := count(llm.UnitRequests, "rolling 1h", 10)
	for _, n := range []int64{3, 4, 3} {
		spend(t, m, limit, n)
		c.t = c.t.Add(10 * time.Minute)
	}
	for need, want := range map[int64]time.Duration{1: 31 * time.Minute, 3: 31 * time.Minute, 4: 41 * time.Minute, 8: 51 * time.Minute} {
		_, _, err := m.Reserve("r", []llm.Limit{limit}, llm.Exactly(llm.Amounts{Requests: need}))
		e := llm.AsError(err)
		if e.RetryAfter != want || !strings.HasPrefix(e.Message, `team/search has used 10 of 10 requests in the last 1h (limit "rate"); has room again at `+c.t.Add(want).Format("2006-01-02 15:04:05 UTC")) {
			t.Errorf("for %d: %v after %v, want %v", need, e.Message, e.RetryAfter, want)
		}
		c := *c
		c.t = c.t.Add(e.RetryAfter)
		if _, err := m.Affordable([]llm.Limit{limit}, llm.Exactly(llm.Amounts{Requests: need}), c.t); err != nil {
			t.Errorf("when it has room again for %d: %v", need, err)
		}
	}
}

// TestRollingWindowAfterARestart: every part is restored to its time. Parts of another length,
// and what lies beyond the window, are not.
func TestRollingWindowAfterARestart(t *testing.T) {
	c := at(t, "2026-11-22T10:30:00Z")
	limit := count(llm.UnitRequests, "rolling 1h", 100)
	charge := func(id string, n int64) llm.Charge {
		return llm.Charge{Scope: limit.Scope, Unit: limit.Unit, Window: limit.Window, WindowID: id, Amount: n}
	}
	m := New(c.now, nil, Options{})
	m.Restore([]llm.Charge{
		charge("2026-11-22T10:29:00Z", 1), charge("2026-11-22T09:40:00Z", 2), charge("2026-11-22T10:29:00Z", 4), charge("2026-11-22T10:30:00Z", 8), charge("2026-11-22T09:29:00Z", 16),
		charge("2026-11-22T10:45:00Z", 32), // by a clock that went ahead: it counts from now on
		charge("2026-11-22T10:29:30Z", 1000), charge("2026-11-22T09:28:00Z", 1000), charge("2027-01-01T00:00:00Z", 1000), charge("2026-11-22", 1000), charge("", 1000),
	})
	for _, step := range []struct {
		after time.Duration
		want  int64
	}{{0, 47}, {time.Minute, 47}, {11 * time.Minute, 45}, {48 * time.Minute, 40}, {time.Minute, 0}} {
		c.t = c.t.Add(step.after)
		if got := used(m, limit); got != step.want {
			t.Errorf("at %s %d are counted, want %d", c.t.Format(time.TimeOnly), got, step.want)
		}
	}
}

// TestCorrectingARollingWindow: less is taken from the oldest parts, so that no part counts less
// than nothing when others have left.
func TestCorrectingARollingWindow(t *testing.T) {
	c := at(t, "2026-11-22T10:00:00Z")
	m := New(c.now, nil, Options{})
	limit := count(llm.UnitRequests, "rolling 1h", 1000)
	for _, n := range []int64{30, 20, 10} {
		spend(t, m, limit, n)
		c.t = c.t.Add(10 * time.Minute)
	}
	for spent, want := range map[int64][]int64{60: nil, 65: {5}, 25: {-30, -5}, 0: {-30, -20, -10}} {
		charges, err := m.Difference(limit.Scope, limit.Unit, limit.Window, spent)
		var got []int64
		for _, charge := range charges {
			got = append(got, charge.Amount)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("to %d: %v, %v, want %v", spent, got, err, want)
		}
	}
	charges, _ := m.Difference(limit.Scope, limit.Unit, limit.Window, 25)
	m.Apply(charges)
	for _, want := range []int64{25, 25, 25, 25, 25, 10, 0} {
		if got := used(m, limit); got != want {
			t.Errorf("at %s %d are counted, want %d", c.t.Format(time.TimeOnly), got, want)
		}
		c.t = c.t.Add(10*time.Minute + time.Second)
	}
}

// TestRollingMemoryIsBounded: a window of a year keeps as few parts as one of an hour.
func TestRollingMemoryIsBounded(t *testing.T) {
	for window, step := range map[string]time.Duration{"rolling 1h": 7 * time.Second, "rolling 366d": 5 * time.Hour, "rolling 1s": 300 * time.Millisecond} {
		c := at(t, "2026-11-22T10:00:00Z")
		m, limit := New(c.now, nil, Options{}), count(llm.UnitRequests, window, 1<<60)
		for range 5000 {
			spend(t, m, limit, 1)
			c.t = c.t.Add(step)
		}
		k := keyOf(&limit)
		if n := len(m.counters[k].older); n > llm.RollingParts {
			t.Errorf("%s keeps %d parts", window, n)
		}
		c.t = c.t.Add(2 * 366 * 24 * time.Hour)
		m.Sweep(c.t)
		if len(m.counters) != 0 {
			t.Errorf("%s is kept when all of it has left", window)
		}
	}
}

// TestReplaceInALaterPart: a refusal leaves what is held in the part that it was reserved in,
// where it leaves the window in time.
func TestReplaceInALaterPart(t *testing.T) {
	c := at(t, "2026-11-22T10:00:00Z")
	m := New(c.now, nil, Options{})
	limit := count(llm.UnitRequests, "rolling 1m", 3)
	mustReserve(t, m, "r", []llm.Limit{limit}, llm.Amounts{Requests: 2})
	for _, step := range []struct {
		after   time.Duration
		want    int64
		refused bool
	}{{10 * time.Second, 4, true}, {time.Second, 3, false}, {59 * time.Second, 4, true}} {
		c.t = c.t.Add(step.after)
		_, _, err := m.Replace("r", "r", []llm.Limit{limit}, llm.Exactly(llm.Amounts{Requests: step.want}))
		if (err != nil) != step.refused {
			t.Errorf("after %v Replace by %d = %v", step.after, step.want, err)
		}
	}
	if got := used(m, limit); got != 3 {
		t.Errorf("%d are counted, want 3", got)
	}
	c.t = c.t.Add(3 * time.Second)
	if got := used(m, limit); got != 0 {
		t.Errorf("%d are counted when all has left the window", got)
	}
}
