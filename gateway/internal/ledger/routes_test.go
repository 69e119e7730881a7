package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// rankedBy makes a record of one that a router of this name ranked.
func rankedBy(router string) func(*llm.Record) {
	route := &llm.Route{Router: router, With: []byte(`{"cost":0.1}`), Targets: []*llm.Target{
		{ID: "p/m", Provider: "p", Model: "m", Quality: 1.0 / 3, Weight: 0.1, Price: llm.Price{Known: true, Input: 3, Row: "p/m@1"}},
		{ID: "p/n", Provider: "p", Model: "n", Quality: -1, Fallback: true, Order: -2, MaxInflight: 3, Context: 1000}}}
	facts := llm.NewRouteFacts(route, llm.RouterModule{Module: "0123", Reads: []string{"tags"}})
	return func(r *llm.Record) {
		r.Ranking.Facts, r.Ranking.Input = facts, llm.RouterInput{Route: facts.Digest}
	}
}

func routeRows(t *testing.T, r *Reader) (rows int) {
	t.Helper()
	if err := r.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.db.QueryRow("SELECT count(*) FROM routes").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// The facts of a route are written with the first record, or draft, that names them.
func TestRouteFacts(t *testing.T) {
	now := time.Now()
	l := openTest(t, Options{Now: func() time.Time { return now }})
	first := record("one", rankedBy("cost"))
	before := l.journal.queue.end().offset
	mustWrite(t, l, first)
	size := l.journal.queue.end().offset - before
	mustWrite(t, l, record("two", rankedBy("cost")))
	if again := l.journal.queue.end().offset - before - size; again >= size-int64(len(first.Ranking.Facts.Text)) {
		t.Errorf("the second record took %d bytes, the first one with its facts %d", again, size)
	}
	if err := l.OpenLease(t.Context(), record("three", rankedBy("latency"))); err != nil {
		t.Fatal(err)
	}
	if rows := routeRows(t, l.Reader); rows != 2 {
		t.Errorf("%d routes, want 2", rows)
	}
	got, err := l.RouteFacts(t.Context(), first.Ranking.Input.Route)
	if d := cmp.Diff(first.Ranking.Facts, got); d != "" || err != nil {
		t.Errorf("RouteFacts (-want +got):\n%s%v", d, err)
	}
	if _, err := l.RouteFacts(t.Context(), "0"); llm.AsError(err).Status != 404 {
		t.Errorf("RouteFacts of an unknown digest: %v", err)
	}
}

// Facts stay as long as records name them.
func TestPruneRoutes(t *testing.T) {
	now := time.Now()
	l := openTest(t, Options{Now: func() time.Time { return now }})
	mustWrite(t, l, record("gone", rankedBy("cost")))
	for i, at := range []time.Duration{0, 23 * time.Hour, 40 * time.Hour, 100 * time.Hour} {
		now = now.Add(at)
		mustWrite(t, l, record(string(rune('a'+i)), rankedBy("latency")))
	}
	imported(t, l)
	if _, err := l.Prune(t.Context(), Cutoff{Records: now.Add(-time.Hour)}, 100); err != nil {
		t.Fatal(err)
	}
	kept, err := l.Get(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.RouteFacts(t.Context(), kept.Ranking.Input.Route); err != nil || routeRows(t, l.Reader) != 1 {
		t.Errorf("RouteFacts of the record that was kept: %v; %d routes are left", err, routeRows(t, l.Reader))
	}
}
