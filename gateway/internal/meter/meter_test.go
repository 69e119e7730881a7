package meter

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// clock is a clock that tests set.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func at(t testing.TB, s string) *clock {
	t.Helper()
	now, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return &clock{now}
}

func usd(s string) llm.NanoUSD {
	n, err := llm.ParseUSD(s)
	if err != nil {
		panic(err)
	}
	return n
}

func dollars(scope, window, most string) llm.Limit {
	return llm.Limit{Name: scope + " budget", Scope: scope, Unit: llm.UnitUSD, Window: window, Max: int64(usd(most))}
}

func count(unit llm.Unit, window string, most int64) llm.Limit {
	return llm.Limit{Name: "rate", Scope: "team:search", Unit: unit, Window: window, Max: most}
}

func mustReserve(t testing.TB, m *Meter, lease string, limits []llm.Limit, want llm.Amounts) []llm.LimitState {
	t.Helper()
	states, _, err := m.Reserve(lease, limits, llm.Exactly(want))
	if err != nil {
		t.Fatalf("Reserve(%s): %v", lease, err)
	}
	return states
}

func TestRefusedReservationTakesNothing(t *testing.T) {
	m := New(at(t, "2026-11-22T10:05:25Z").now, nil, Options{})
	limits := []llm.Limit{dollars("a", "day", "10"), count(llm.UnitConcurrent, "", 5), dollars("b", "day", "1")}
	if _, _, err := m.Reserve("r", limits, llm.Exactly(llm.Amounts{USD: usd("2")})); err == nil {
		t.Fatal("Reserve passed a limit of 1 dollar with 2")
	}
	for _, l := range limits {
		if got := m.Percent(l); got != 0 {
			t.Errorf("Percent(%s) = %d after a refusal, want 0", l.Name, got)
		}
	}
	if got := m.Settle("r", llm.Amounts{USD: 1}); got != nil {
		t.Errorf("Settle of a refused lease = %v, want nothing", got)
	}
}

// TestAReservationShrinksToWhatIsAffordable: a request that has no bound on its output
// gets the bound that its limits still afford, and others that come while it runs get one
// too.
func TestAReservationShrinksToWhatIsAffordable(t *testing.T) {
	m := New(at(t, "2026-11-22T10:05:25Z").now, nil, Options{})
	limits := []llm.Limit{dollars("key:k", "day", "1"), count(llm.UnitTokens, "day", 1_000_000)}
	ask := llm.Ask{Least: 256, Most: 128_000, Amounts: func(out int64) llm.Amounts {
		return llm.Amounts{USD: llm.NanoUSD(1000*1250 + out*10_000), InputTokens: 1000, OutputTokens: out, Requests: 1}
	}}
	var held llm.NanoUSD
	for i := range 64 {
		states, output, err := m.Reserve(fmt.Sprint(i), limits, ask)
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		if output < ask.Least || i == 0 && output != 49_875 {
			t.Errorf("client %d gets %d tokens of output", i, output)
		}
		if got, want := states[0].Reserved, int64(ask.Amounts(output).USD); got != want {
			t.Errorf("client %d reserves %d for %d tokens, want %d", i, got, output, want)
		}
		held += llm.NanoUSD(states[0].Reserved)
	}
	if held > llm.USD {
		t.Errorf("%v is reserved of $1.00", held)
	}
	for i := range 64 {
		m.Settle(fmt.Sprint(i), llm.Amounts{USD: 1000})
	}
	if _, output, err := m.Reserve("after", limits, ask); err != nil || output < 40_000 {
		t.Errorf("when all have ended, %d tokens, %v; want nearly half of the budget", output, err)
	}
}

func TestWarningsPassAndShareTheMeter(t *testing.T) {
	m := New(at(t, "2026-11-22T10:05:25Z").now, nil, Options{})
	warn := dollars("team:search", "day", "8")
	warn.OnExceed = llm.ExceedWarn
	limits := []llm.Limit{warn, dollars("team:search", "day", "10")}
	states := mustReserve(t, m, "r", limits, llm.Amounts{USD: usd("9")})
	if !states[0].Exceeded || states[1].Exceeded {
		t.Errorf("Exceeded = %t, %t, want true for the warning only", states[0].Exceeded, states[1].Exceeded)
	}
	if got := countsOf(m); len(got) != 1 || got[0].Reserved != int64(usd("9")) {
		t.Errorf("Counts = %+v, want $9 reserved: two limits on one meter count once", got)
	}
	if got := m.Percent(limits[1]); got != 0 {
		t.Errorf("Percent = %d, want 0: nothing is spent yet", got)
	}
	want := []llm.Charge{{Scope: "team:search", Unit: llm.UnitUSD, Window: "day", WindowID: "2026-11-22", Amount: int64(usd("3"))}}
	if d := cmp.Diff(want, m.Settle("r", llm.Amounts{USD: usd("3")})); d != "" {
		t.Errorf("Settle (-want +got):\n%s", d)
	}
	if got := m.Percent(limits[1]); got != 30 {
		t.Errorf("Percent after Settle = %d, want 30", got)
	}
}

func TestSettleAfterMidnightChargesTheDayOfTheReservation(t *testing.T) {
	c := at(t, "2026-11-22T23:59:59Z")
	m := New(c.now, nil, Options{})
	limit := dollars("team:search", "day", "10")
	mustReserve(t, m, "late", []llm.Limit{limit}, llm.Amounts{USD: usd("9")})
	c.t = c.t.Add(2 * time.Second)
	mustReserve(t, m, "early", []llm.Limit{limit}, llm.Amounts{USD: usd("9")})
	charges := m.Settle("late", llm.Amounts{USD: usd("9.5")})
	if len(charges) != 1 || charges[0].WindowID != "2026-11-22" {
		t.Errorf("Settle = %v, want one charge to 2026-11-22", charges)
	}
	if got := countsOf(m)[0]; got.Spent != 0 || got.Reserved != int64(usd("9")) {
		t.Errorf("the new day has %+v, want $9 reserved and nothing spent", got)
	}
}

func TestMoreThanReservedIsBookedAndThenDenied(t *testing.T) {
	m := New(at(t, "2026-11-22T10:00:00Z").now, nil, Options{})
	limits := []llm.Limit{dollars("a", "day", "10")}
	mustReserve(t, m, "r", limits, llm.Amounts{USD: usd("1")})
	m.Settle("r", llm.Amounts{USD: usd("12")})
	if got := m.Percent(limits[0]); got != 120 {
		t.Errorf("Percent = %d, want 120", got)
	}
	if _, _, err := m.Reserve("next", limits, llm.Exactly(llm.Amounts{})); err == nil {
		t.Error("Reserve let a request pass after the budget was overdrawn")
	}
}

// TestSweepReturnsExpiredLeases: one that is not extended is returned until it is settled.
func TestSweepReturnsExpiredLeases(t *testing.T) {
	c := at(t, "2026-11-22T10:00:00Z")
	m := New(c.now, nil, Options{Lease: time.Minute})
	limits := []llm.Limit{dollars("a", "day", "10"), count(llm.UnitConcurrent, "", 2)}
	mustReserve(t, m, "lost", limits, llm.Amounts{USD: usd("4")})
	mustReserve(t, m, "alive", limits, llm.Amounts{USD: usd("1")})
	c.t = c.t.Add(30 * time.Second)
	if !m.Extend("alive") || m.Extend("unknown") {
		t.Error("Extend reported the wrong leases as alive")
	}
	c.t = c.t.Add(30 * time.Second)
	for range 2 {
		if d := cmp.Diff([]string{"lost"}, m.Sweep(c.t)); d != "" {
			t.Errorf("Sweep (-want +got):\n%s", d)
		}
	}
	want := []llm.Charge{{Scope: "a", Unit: llm.UnitUSD, Window: "day", WindowID: "2026-11-22", Amount: int64(usd("2"))}}
	if d := cmp.Diff(want, m.Settle("lost", llm.Amounts{USD: usd("2")})); d != "" {
		t.Errorf("Settle (-want +got):\n%s", d)
	}
	if got := m.Settle("lost", llm.Amounts{USD: usd("2")}); got != nil {
		t.Errorf("Settle of a settled lease = %v, want nothing: it has been charged", got)
	}
	if got := m.Percent(limits[0]); got != 20 {
		t.Errorf("Percent = %d, want 20: 2 charged of 10", got)
	}
	if got := m.Percent(limits[1]); got != 50 {
		t.Errorf("Percent in flight = %d, want 50: one of two", got)
	}
}

func TestRestore(t *testing.T) {
	m := New(at(t, "2026-11-22T10:00:00Z").now, nil, Options{})
	day := dollars("a", "day", "10")
	m.Restore([]llm.Charge{
		{Scope: "a", Unit: llm.UnitUSD, Window: "day", WindowID: "2026-11-21", Amount: int64(usd("9"))},
		{Scope: "a", Unit: llm.UnitUSD, Window: "day", WindowID: "2026-11-22", Amount: int64(usd("5"))},
		{Scope: "a", Unit: llm.UnitUSD, Window: "day", WindowID: "2026-11-22", Amount: int64(usd("1"))},
		{Scope: "a", Unit: llm.UnitUSD, Window: "fortnight", WindowID: "2026-11-22", Amount: 1},
		{Scope: "a", Unit: "bananas", Window: "day", WindowID: "2026-11-22", Amount: 1},
		{Scope: "a", Unit: llm.UnitConcurrent, Amount: 1},
	})
	if got := m.Percent(day); got != 60 {
		t.Errorf("Percent = %d, want 60", got)
	}
}

func TestLimitsThatCannotBeCountedDeny(t *testing.T) {
	m := New(at(t, "2026-11-22T10:00:00Z").now, nil, Options{})
	for _, l := range []llm.Limit{count(llm.UnitRequests, "fortnight", 5), count("bananas", "day", 5), count(llm.UnitUSD, "", 5)} {
		_, _, err := m.Reserve("r", []llm.Limit{l}, llm.Exactly(llm.Amounts{}))
		if e := llm.AsError(err); err == nil || e.Code != llm.CodePolicyFault {
			t.Errorf("Reserve(%s per %q) = %v, want a policy error", l.Unit, l.Window, err)
		}
	}
}

func TestReservingTwiceUnderOneNameIsRefused(t *testing.T) {
	m := New(at(t, "2026-11-22T10:00:00Z").now, nil, Options{})
	limits := []llm.Limit{dollars("a", "day", "10")}
	mustReserve(t, m, "r", limits, llm.Amounts{USD: usd("1")})
	if _, _, err := m.Reserve("r", limits, llm.Exactly(llm.Amounts{USD: usd("1")})); llm.AsError(err).Code != llm.CodeInternal {
		t.Errorf("a second Reserve of a held lease = %v, want an internal error", err)
	}
}

func TestMemoryIsFlatOverTime(t *testing.T) {
	c := at(t, "2026-11-22T10:00:00Z")
	m := New(c.now, nil, Options{})
	for i := range 5000 {
		scope := fmt.Sprintf("user:%d", i)
		limits := []llm.Limit{{Scope: scope, Unit: llm.UnitRequests, Window: "1m", Max: 5}, {Scope: scope, Unit: llm.UnitConcurrent, Max: 5}}
		mustReserve(t, m, scope, limits, llm.Amounts{Requests: 1})
		m.Settle(scope, llm.Amounts{Requests: 1})
		c.t = c.t.Add(time.Second)
		m.Sweep(c.t)
		if n := len(m.counters); n > 61 {
			t.Fatalf("%d counters are kept after %d seconds, want at most those of one minute", n, i+1)
		}
	}
	if len(m.leases) != 0 || len(m.spare) > maxSpare {
		t.Errorf("%d leases and %d spares are left", len(m.leases), len(m.spare))
	}
}

func TestAmountsSaturate(t *testing.T) {
	m := New(at(t, "2026-11-22T10:00:00Z").now, nil, Options{})
	limit := dollars("a", "day", "10")
	limit.OnExceed = llm.ExceedWarn
	for i := range 3 {
		mustReserve(t, m, fmt.Sprint(i), []llm.Limit{limit}, llm.Amounts{USD: 1<<63 - 1})
		m.Settle(fmt.Sprint(i), llm.Amounts{USD: 1<<63 - 1})
	}
	if got := m.Percent(limit); got < 1000 {
		t.Errorf("Percent = %d after enormous amounts, want a large number", got)
	}
	limit.OnExceed = llm.ExceedDeny
	if _, _, err := m.Reserve("r", []llm.Limit{limit}, llm.Exactly(llm.Amounts{})); err == nil {
		t.Error("Reserve passed although the counter is full")
	}
}

// TestAffordableAgreesWithReserve: it takes nothing, whatever the time.
func TestAffordableAgreesWithReserve(t *testing.T) {
	c := at(t, "2026-11-22T12:00:00Z")
	m := New(c.now, time.UTC, Options{Lease: time.Hour})
	limits := []llm.Limit{dollars("key:k", "day", "1"), count(llm.UnitConcurrent, "", 3)}
	ask := llm.Ask{Least: 256, Most: 1 << 20, Amounts: func(output int64) llm.Amounts {
		return llm.Amounts{USD: llm.NanoUSD(output) * 400_000, Requests: 1}
	}}
	for i := range 6 {
		expected, refusal := m.Affordable(limits, ask, c.now())
		again, _ := m.Affordable(limits, ask, c.now())
		_, output, err := m.Reserve(fmt.Sprint(i), limits, ask)
		if expected != output || again != output || fmt.Sprint(refusal) != fmt.Sprint(err) {
			t.Errorf("%d: expected %d, %d and %v, got %d and %v", i, expected, again, refusal, output, err)
		}
		if output, err := m.Affordable(limits[:1], ask, c.now().Add(24*time.Hour)); err != nil || output != 1250 {
			t.Errorf("tomorrow %d, %v; want half of everything", output, err)
		}
	}
}
