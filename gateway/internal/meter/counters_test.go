package meter

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// countsOf returns the meters in their order.
func countsOf(m *Meter) []Count {
	return slices.SortedFunc(m.All(), Count.Compare)
}

func TestCountsAndCorrections(t *testing.T) {
	clock := at(t, "2026-11-22T10:05:25Z")
	m := New(clock.now, nil, Options{})
	limits := []llm.Limit{dollars("key:k", "day", "1"), count(llm.UnitRequests, "1m", 5), count(llm.UnitConcurrent, "", 9)}
	mustReserve(t, m, "a", limits, llm.Amounts{USD: usd("0.25"), Requests: 1})
	m.Settle("a", llm.Amounts{USD: usd("0.2"), Requests: 1})
	mustReserve(t, m, "b", limits, llm.Amounts{USD: usd("0.3"), Requests: 1})
	counts := func() (lines []Count) {
		for _, c := range countsOf(m) {
			c.Starts, c.Resets = c.Starts.UTC(), c.Resets.UTC()
			lines = append(lines, c)
		}
		return lines
	}
	want := []Count{
		{"key:k", llm.UnitUSD, "day", int64(usd("0.2")), int64(usd("0.3")), int64(usd("1")), at(t, "2026-11-22T00:00:00Z").t, at(t, "2026-11-23T00:00:00Z").t},
		{"team:search", llm.UnitConcurrent, "", 0, 1, 9, time.Time{}, counts()[1].Resets},
		{"team:search", llm.UnitRequests, "1m", 1, 1, 5, at(t, "2026-11-22T10:05:00Z").t, at(t, "2026-11-22T10:06:00Z").t},
	}
	if diff := cmp.Diff(want, counts()); diff != "" {
		t.Errorf("All (-want +got):\n%s", diff)
	}
	for _, w := range want {
		got, ok := m.Count(w.Scope, w.Unit, w.Window)
		if got.Starts, got.Resets = got.Starts.UTC(), got.Resets.UTC(); !ok || got != w {
			t.Errorf("Count(%q, %s, %q) = %+v, %t, want %+v", w.Scope, w.Unit, w.Window, got, ok, w)
		}
	}
	charges, err := m.Difference("key:k", llm.UnitUSD, "day", int64(usd("0.05")))
	if want := []llm.Charge{{Scope: "key:k", Unit: llm.UnitUSD, Window: "day", WindowID: "2026-11-22", Amount: -int64(usd("0.15"))}}; err != nil || !slices.Equal(charges, want) {
		t.Errorf("Difference = %+v, %v, want %+v", charges, err, want)
	}
	m.Settle("b", llm.Amounts{USD: usd("0.1"), Requests: 1}) // between the two: it is kept
	m.Apply(charges)
	if got := counts()[0]; got.Spent != int64(usd("0.15")) || got.Reserved != 0 {
		t.Errorf("after the correction: %+v, want 0.15 spent", got)
	}
	for _, bad := range []struct {
		scope  string
		unit   llm.Unit
		window string
		spent  int64
		status int
	}{{"key:unknown", llm.UnitUSD, "day", 0, 404}, {"key:k", llm.UnitUSD, "month", 0, 404}, {"key:k", llm.UnitUSD, "day", -1, 400}, {"team:search", llm.UnitConcurrent, "", 0, 400}} {
		if _, err := m.Difference(bad.scope, bad.unit, bad.window, bad.spent); llm.AsError(err).Status != bad.status {
			t.Errorf("Difference(%+v) = %v, want status %d", bad, err, bad.status)
		}
	}
	clock.t = clock.t.AddDate(0, 0, 1)
	if len(countsOf(m)) != 1 { // requests in flight have no window
		t.Errorf("a day later there is %+v, want the requests in flight only", countsOf(m))
	}
	if got, ok := m.Count("key:k", llm.UnitUSD, "day"); ok {
		t.Errorf("a day later Count = %+v, want none", got)
	}
	if got, ok := m.Count("key:unknown", llm.UnitUSD, "day"); ok {
		t.Errorf("Count of an unknown meter = %+v", got)
	}
}

// TestAllMayCallTheMeter: the loop runs without the lock, however it ends.
func TestAllMayCallTheMeter(t *testing.T) {
	m, _ := filled(t, at(t, "2026-11-22T10:00:00Z").now, 500)
	seen := 0
	for c := range m.All() {
		if got, ok := m.Count(c.Scope, c.Unit, c.Window); !ok || got != c {
			t.Fatalf("Count = %+v, %t, want %+v", got, ok, c)
		}
		seen++
	}
	if want := m.Size(); seen != want {
		t.Errorf("All has %d meters, want %d", seen, want)
	}
	for range m.All() {
		break
	}
	func() {
		defer func() { _ = recover() }()
		for range m.All() {
			panic("the loop's own")
		}
	}()
	m.Size() // waits forever if the lock is held
}
