package ledger

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestSumsSaturate: no usage, however large, breaks spend queries or makes a counter
// negative.
func TestSumsSaturate(t *testing.T) {
	l := openTest(t, Options{})
	for _, id := range []string{"a", "b", "c"} {
		r := record(id)
		r.Time = time.Now().UTC()
		r.Usage = llm.Usage{Input: math.MaxInt64, Output: math.MaxInt64}
		r.Cost, r.Saved = math.MaxInt64, math.MaxInt64
		r.Charges = []llm.Charge{{Scope: "key:k", Unit: llm.UnitUSD, Window: "day", WindowID: r.Time.Format("2006-01-02"), Amount: math.MaxInt64}}
		mustWrite(t, l, r)
	}
	small := record("d")
	small.Model, small.Usage, small.Cost, small.Saved = "small", llm.Usage{Input: 1, Output: 2}, 5_000_000_003, 1<<32+7
	mustWrite(t, l, small)
	report, err := l.Spend(t.Context(), Query{By: []string{"model"}})
	if err != nil {
		t.Fatal(err)
	}
	all := Sums{Requests: 4, InputTokens: math.MaxInt64, OutputTokens: math.MaxInt64, Cost: math.MaxInt64, Saved: math.MaxInt64}
	if diff := cmp.Diff(all, report.Total); diff != "" {
		t.Errorf("total (-want +got):\n%s", diff)
	}
	if len(report.Rows) != 2 {
		t.Fatalf("%d rows, want 2", len(report.Rows))
	}
	if diff := cmp.Diff(Sums{Requests: 1, InputTokens: 1, OutputTokens: 2, Cost: 5_000_000_003, Saved: 1<<32 + 7}, report.Rows[1].Sums); diff != "" {
		t.Errorf("the small row (-want +got):\n%s", diff)
	}
	charges, err := l.Totals(t.Context(), time.Now())
	if err != nil || len(charges) == 0 {
		t.Fatalf("Totals = %v, %v, want a counter", charges, err)
	}
	for _, c := range charges {
		if c.Amount < 0 {
			t.Errorf("a counter has become %d", c.Amount)
		}
	}
}
