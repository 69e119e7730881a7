package server

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
)

// recountTest is a server whose ledger gets records of a day.
type recountTest struct {
	*testServer
	start time.Time
}

func newRecountTest(t *testing.T) *recountTest {
	t.Helper()
	h := openTestServer(t, &speaker{text: "hello"}, `
keys: off
providers:
  up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}
models:
  m: {targets: [{target: up/m, region: us, price: {input: 1, output: 1}}, {target: up/eu, region: eu, price: {input: 0.5, output: 0.5}}]}
  small: {targets: [{target: up/small, price: {input: 0.25, output: 0.25}}]}
ledger: "sqlite://:memory:"
`)
	return &recountTest{h, time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)}
}

// write writes the record of a request that has used a million tokens of a dollar.
func (x *recountTest) write(t *testing.T, minute int, change func(*llm.Record)) {
	t.Helper()
	r := &llm.Record{ID: fmt.Sprintf("req_%03d", minute), Time: x.start.Add(time.Duration(minute) * time.Minute), Endpoint: llm.ChatCompletions, Model: "m", Route: "m",
		Target: "up/m", Provider: "up", Status: 200, Usage: llm.Usage{Input: 1_000_000}, Price: llm.Price{Known: true, Input: llm.USD}, Cost: llm.USD,
		Duration: llm.Millis(30 * time.Second), Decision: &llm.Decision{Allow: true, Revision: "then", Input: json.RawMessage("{}")}}
	if change != nil {
		change(r)
	}
	if err := x.ledger.Write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// limited gives a record limits that had counted so much before.
func limited(before llm.NanoUSD, limits ...llm.Limit) func(*llm.Record) {
	return func(r *llm.Record) {
		r.Decision.Limits = limits
		for _, l := range limits {
			r.Limits = append(r.Limits, llm.LimitState{Limit: l, WindowID: "2026-11-29", Before: int64(before)})
		}
	}
}

func (x *recountTest) diff(t *testing.T, rego string) *replay.PolicyReport {
	t.Helper()
	got, err := x.DiffPolicy(t.Context(), x.ledger.Reader, admin.PolicyChange{Files: map[string]string{"p.rego": "package penstock\n" + rego}, Examples: 1})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestDiffPolicyCountsNewLimits(t *testing.T) {
	t.Parallel()
	x := newRecountTest(t)
	for i := range 10 {
		x.write(t, 9-i, nil) // in the order of their ends, which is not that of their arrival
	}
	got := x.diff(t, `limits contains {"name": "day", "scope": "all", "unit": "usd", "window": "day", "max": 3.5}`)
	want := []replay.LimitCount{{Name: "day", Scope: "all", Unit: llm.UnitUSD, Window: "day", Max: int64(3.5 * float64(llm.USD)), Rule: "p.rego:2", Refused: 7,
		Saved: 7 * llm.USD, First: x.start.Add(3 * time.Minute), Last: x.start.Add(9 * time.Minute)}}
	if d := cmp.Diff(want, got.Limits); d != "" || got.Denied != 7 || got.DeniedCost != 7*llm.USD || got.Changed != 3 {
		t.Errorf("%+v (-want +got):\n%s", got, d)
	}
	// Half a dollar each after 3 dollars: a rule that reads the new limit's usage.
	got = x.diff(t, `limits contains {"name": "day", "scope": "all", "unit": "usd", "window": "day", "max": 5}
obligations.model := "small" if input.usage.all.day.usd >= 60`)
	if got.Denied != 0 || got.Repriced.Requests != 7 || got.Repriced.After != 7*llm.USD/4 {
		t.Errorf("a rule that reads the usage of a new limit: %+v", got)
	}
	// Requests under way at once.
	if got = x.diff(t, `limits contains {"name": "c", "scope": "all", "unit": "concurrent", "max": 1}`); got.Denied != 0 {
		t.Errorf("one request at once: %+v", got)
	}
	x.write(t, 50, func(r *llm.Record) { r.Duration = llm.Millis(time.Hour) })
	x.write(t, 51, nil)
	if got = x.diff(t, `limits contains {"name": "c", "scope": "all", "unit": "concurrent", "max": 1}`); got.Denied != 1 || got.Limits[0].First != x.start.Add(51*time.Minute) {
		t.Errorf("two requests at once: %+v", got)
	}
}

func TestDiffPolicyCountsChangedLimits(t *testing.T) {
	t.Parallel()
	x := newRecountTest(t)
	day := llm.Limit{Name: "day", Scope: "all", Unit: llm.UnitUSD, Window: "day", Max: int64(10 * llm.USD)}
	for i := range 4 { // of ten dollars five had been used before
		x.write(t, i, limited(llm.NanoUSD(5+i)*llm.USD, day))
	}
	x.write(t, 5, func(r *llm.Record) { // which had no room for two dollars
		limited(0, day)(r)
		r.Limits, r.Target, r.Usage, r.Cost, r.Status, r.Code, r.Error = nil, "", llm.Usage{}, 0, 429, llm.CodeBudget, "used up"
		r.Candidates, r.Ranking = []llm.Considered{{Target: "up/m", EstCost: 2 * llm.USD}}, &llm.Ranking{Order: []int{0}, Input: llm.RouterInput{Route: "x"}}
		r.Attempts = []llm.Attempt{{Target: "up/m", Fault: llm.FaultBudget}}
	})
	rule := `limits contains {"name": "day", "scope": "all", "unit": "usd", "window": "day", "max": %s}`
	for max, want := range map[string][2]int64{"10": {0, 0}, "7": {2, 0}, "5": {4, 0}, "11": {0, 1}, "10.5": {0, 0}} { // denied, allowed
		if got := x.diff(t, fmt.Sprintf(rule, max)); got.Denied != want[0] || got.Allowed != want[1] {
			t.Errorf("at most %s: %d denied and %d allowed, want %v: %+v", max, got.Denied, got.Allowed, want, got.Limits)
		}
	}
	if got := x.diff(t, `deny contains {"code": "x", "message": "x"} if input.request.model == "none"`); got.Denied != 0 || got.Allowed != 1 {
		t.Errorf("without the limit: %+v", got)
	}
}

// A raise of then holds for the changed limit as well.
func TestDiffPolicyKeepsRaises(t *testing.T) {
	t.Parallel()
	x := newRecountTest(t)
	day := llm.Limit{Name: "day", Scope: "all", Unit: llm.UnitUSD, Window: "day", Max: int64(llm.USD)}
	for i := range 3 {
		x.write(t, i, func(r *llm.Record) {
			limited(llm.NanoUSD(i)*llm.USD, day)(r)
			r.Limits[0].Max, r.Limits[0].Raised = int64(3*llm.USD), int64(2*llm.USD)
		})
	}
	rule := `limits contains {"name": "day", "scope": "all", "unit": "usd", "window": "day", "max": %s}`
	for max, denied := range map[string]int64{"1": 0, "0.5": 1, "9": 0} {
		if got := x.diff(t, fmt.Sprintf(rule, max)); got.Denied != denied || got.Allowed != 0 {
			t.Errorf("at most %s: %d denied and %d allowed, want %d and 0", max, got.Denied, got.Allowed, denied)
		}
	}
}

// Where the policy demands a region, the money is that of the target there.
func TestDiffPolicyMovesRequests(t *testing.T) {
	t.Parallel()
	x := newRecountTest(t)
	x.write(t, 0, nil)
	half := replay.Repriced{Requests: 1, Before: llm.USD, After: llm.USD / 2}
	if got := x.diff(t, `obligations.regions := ["eu"]`); got.Repriced != half || got.Denied != 0 {
		t.Errorf("in the EU: %+v", got)
	}
	if got := x.diff(t, `obligations.regions := ["us"]`); got.Repriced.Requests != 0 || got.Changed != 1 {
		t.Errorf("where it was: %+v", got)
	}
	if got := x.diff(t, `obligations.regions := ["asia"]`); got.Denied != 1 {
		t.Errorf("nowhere: %+v", got)
	}
	if got := x.diff(t, `obligations.data_classes := ["secret"]`); got.Denied != 1 {
		t.Errorf("a class that no target admits: %+v", got)
	}
}

// Memory does not grow with the records: of requests, of scopes and of windows.
func TestRecountIsBounded(t *testing.T) {
	t.Parallel()
	c := newRecounter(time.UTC)
	now := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	for i := range maxOpen + 100 {
		r := &llm.Record{ID: fmt.Sprint(i), Time: now, Duration: llm.Millis(time.Hour)}
		c.advance(r.Time)
		limits := []llm.Limit{{Scope: "all", Unit: llm.UnitRequests, Window: "1h", Max: 1 << 40}}
		if c.Full(r, limits, r.Used()) != nil {
			t.Fatal("the limit has room")
		}
		c.Take(r, limits, r.Used())
	}
	if len(c.open) != maxOpen {
		t.Errorf("%d requests are under way, want %d", len(c.open), maxOpen)
	}
}

func BenchmarkRecount(b *testing.B) {
	c := newRecounter(time.UTC)
	limits := []llm.Limit{{Scope: "all", Unit: llm.UnitUSD, Window: "month", Max: 1 << 60}, {Scope: "team:a", Unit: llm.UnitUSD, Window: "day", Max: 1 << 60}, {Scope: "key:k", Unit: llm.UnitRequests, Window: "1m", Max: 1 << 60}}
	now := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		r := &llm.Record{ID: fmt.Sprint(i), Time: now.Add(time.Duration(i) * time.Millisecond), Duration: llm.Millis(time.Second), Cost: 1, Price: llm.Price{Known: true}}
		c.advance(r.Time)
		if c.Full(r, limits, r.Used()) == nil {
			c.Take(r, limits, r.Used())
		}
	}
}
