package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/penstock/penstock/gateway/internal/llm"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if url := os.Getenv("LEDGER_TEST_CHILD"); url != "" {
		os.Exit(writeUntilKilled(url))
	}
	goleak.VerifyTestMain(m)
}

// record returns a usual record with an id of its own.
func record(id string, change ...func(*llm.Record)) *llm.Record {
	r := usualRecord()
	r.ID = id
	for _, c := range change {
		c(r)
	}
	return r
}

func mustWrite(t testing.TB, l *Ledger, r *llm.Record) {
	t.Helper()
	if err := l.Write(t.Context(), r); err != nil {
		t.Fatalf("Write(%s): %v", r.ID, err)
	}
}

func TestWriteAndGet(t *testing.T) {
	for _, url := range []string{"sqlite://" + filepath.Join(t.TempDir(), "with space & ?#%.db"), "sqlite://:memory:"} {
		l, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Fatalf("Open(%q): %v", url, err)
		}
		want := record("req_1")
		mustWrite(t, l, want)
		got, err := l.Get(t.Context(), "req_1")
		if err != nil {
			t.Fatalf("Get: %v", err)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("Get (-written +read):\n%s", d)
		}
		if _, err := l.Get(t.Context(), "req_2"); llm.AsError(err).Status != 404 {
			t.Errorf("Get of an unknown id = %v, want status 404", err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Write(context.Background(), record("late")); llm.AsError(err).Status != 503 {
			t.Errorf("Write after Close = %v, want status 503", err)
		}
	}
}

func TestDryRecordsAreNotStored(t *testing.T) {
	l := openTest(t, Options{})
	mustWrite(t, l, record("req_1", func(r *llm.Record) { r.Dry = true }))
	if _, err := l.Get(t.Context(), "req_1"); llm.AsError(err).Status != 404 {
		t.Errorf("Get of a dry record = %v, want status 404", err)
	}
}

func TestTheSameRecordIsStoredOnce(t *testing.T) {
	l := openTest(t, Options{})
	mustWrite(t, l, record("req_1"))
	imported(t, l)
	for i := range 20 { // in one transaction with others, which are stored
		mustWrite(t, l, record(fmt.Sprintf("req_%d", i)))
	}
	report, err := l.Spend(t.Context(), Query{})
	if err != nil || report.Total.Requests != 20 {
		t.Errorf("Spend = %+v, %v, want 20 requests", report, err)
	}
	checkTotals(t, l, map[string]int64{"key:abcdefgh": 20 * 3_448_000})
}

// imported waits until everything written is in the database.
func imported(t testing.TB, l *Ledger) {
	t.Helper()
	if err := l.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// checkTotals compares the charges by scope.
func checkTotals(t testing.TB, l *Ledger, want map[string]int64) {
	t.Helper()
	totals, err := l.Totals(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, c := range totals {
		got[c.Scope] += c.Amount
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Totals by scope (-want +got):\n%s", d)
	}
}

func TestChargesAreKeptWhileTheirWindowMayLast(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	l := openTest(t, Options{Now: func() time.Time { return now }})
	charge := func(window string, amount int64) llm.Charge {
		return llm.Charge{Scope: "window:" + window, Unit: llm.UnitUSD, Window: window, WindowID: "w", Amount: amount}
	}
	for i := range 2 {
		mustWrite(t, l, record(fmt.Sprint(i), func(r *llm.Record) {
			r.Charges = []llm.Charge{charge("1m", 1), charge("1h", 2), charge("day", 3), charge("day", 4), charge("month", 5), charge("rolling 1h", 6)}
		}))
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 5}, {time.Minute, 5}, {2 * time.Minute, 4}, {60*time.Minute + 30*time.Second, 3}, {2 * time.Hour, 2}, {28 * time.Hour, 1}, {32 * 24 * time.Hour, 0}} {
		totals, err := l.Totals(t.Context(), now.Add(c.after))
		if err != nil || len(totals) != c.want {
			t.Errorf("after %v: Totals = %v, %v, want %d windows", c.after, totals, err, c.want)
		}
	}
	checkSum := func(want int64) {
		var sum sql.NullInt64
		if err := l.DB().QueryRow("SELECT sum(amount) FROM charges").Scan(&sum); err != nil || sum.Int64 != want {
			t.Errorf("the charges sum up to %d, %v, want %d", sum.Int64, err, want)
		}
	}
	checkSum(42)
	now = now.Add(2 * time.Hour)
	mustWrite(t, l, record("later", func(r *llm.Record) { r.Charges = nil }))
	imported(t, l)
	checkSum(24)
}

func reserved(scope string, amount int64) []llm.LimitState {
	limit := llm.Limit{Scope: scope, Unit: llm.UnitUSD, Window: "day", Max: 1e9}
	flight := llm.Limit{Scope: scope, Unit: llm.UnitConcurrent, Max: 5}
	state := llm.LimitState{Limit: limit, WindowID: "2026-11-22", Reserved: amount}
	return []llm.LimitState{state, {Limit: flight, Reserved: 1}, state} // a warning and a refusal on one meter
}

// draft returns the record of a request in flight whose prompt costs the amount. A token
// costs one nano-USD.
func draft(id, scope string, amount int64) *llm.Record {
	return &llm.Record{ID: id, Time: time.Unix(1795392000, 0).UTC(), Model: "smart", KeyID: "abcdefgh", Target: "openai/gpt-5", Limits: reserved(scope, 1000),
		Price: llm.Price{Known: true, Input: 1_000_000, Output: 1_000_000}, Usage: llm.Usage{Input: amount}}
}

// The next process writes a record for each lease left open, with what was seen of the
// request; once.
func TestLeases(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(t.Context(), url, Options{MaxSegment: 1}) // every write begins a new segment
	if err != nil {
		t.Fatal(err)
	}
	open := func(lease, scope string, amount int64) {
		t.Helper()
		if err := l.OpenLease(t.Context(), draft(lease, scope, amount)); err != nil {
			t.Fatal(err)
		}
	}
	open("settled", "a", 100)
	open("replaced", "b", 100)
	open("extended", "e", 5)
	for _, p := range [][]Progress{{{"extended", 3}, {"replaced", 50}, {"settled", 9}}, {{"extended", 20}, {"unknown", 4}}} {
		if err := l.Extend(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	open("replaced", "b", 7)
	mustWrite(t, l, record("settled", func(r *llm.Record) {
		r.Charges = []llm.Charge{{Scope: "a", Unit: llm.UnitUSD, Window: "day", WindowID: "2026-11-22", Amount: 60}}
	}))
	if err := l.Extend(t.Context(), []Progress{{"settled", 10}}); err != nil {
		t.Fatal(err)
	}
	if orphans, err := l.Sweep(t.Context()); err != nil || len(orphans) != 0 {
		t.Errorf("Sweep of the process's own leases = %v, %v, want none", orphans, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	if l, err = Open(t.Context(), url, Options{}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	orphans, err := l.Sweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range orphans {
		names = append(names, o.ID)
	}
	if d := cmp.Diff([]string{"extended", "replaced"}, names); d != "" {
		t.Errorf("Sweep (-want +got):\n%s", d)
	}
	checkTotals(t, l, map[string]int64{"a": 60, "b": 7, "e": 25})
	got, err := l.Get(t.Context(), "extended")
	if err != nil {
		t.Fatal(err)
	}
	if want := (llm.Usage{Input: 5, Output: 20, Estimated: true}); got.Usage != want || got.Cost != 25 || got.Code != llm.CodeInterrupted || got.KeyID != "abcdefgh" {
		t.Errorf("the record of an interrupted request is %+v, want usage %+v", got, want)
	}
	report, err := l.Spend(t.Context(), Query{})
	if err != nil || report.Total.Cost != usualRecord().Cost+25+7 {
		t.Errorf("Spend = %+v, %v, want the interrupted requests in it", report.Total, err)
	}
	if orphans, err := l.Sweep(t.Context()); err != nil || len(orphans) != 0 {
		t.Errorf("a second Sweep = %v, %v, want none", orphans, err)
	}
}
