package ledger

import (
	"fmt"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestOutcomesAreThoseOfRecords: a list of an outcome has the records that say they ended so.
func TestOutcomesAreThoseOfRecords(t *testing.T) {
	l := openTest(t, Options{})
	n := 0
	for _, status := range []int{200, 400, 401, 402, 403, 404, 429, 451, 499, 500, 503} {
		for _, code := range []llm.Code{"", llm.CodeBudget} {
			for _, state := range []llm.CacheState{llm.CacheHit, llm.CacheMiss, ""} {
				for _, allow := range []bool{true, false} {
					n++
					mustWrite(t, l, record(fmt.Sprint(n), func(r *llm.Record) {
						r.Status, r.Code, r.Cache, r.Decision = status, code, state, &llm.Decision{Allow: allow, Revision: "r"}
					}))
				}
			}
		}
	}
	listed := 0
	for _, outcome := range llm.Outcomes() {
		list, err := l.List(t.Context(), Page{Outcome: outcome, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		listed += len(list)
		for _, r := range list {
			if got := r.Outcome(); got != outcome {
				t.Errorf("status %d, code %q, cache %q, allowed %t: listed as %s, but says %s", r.Status, r.Code, r.Cache, r.Decision.Allow, outcome, got)
			}
		}
	}
	if listed != n {
		t.Errorf("%d records are listed, want each of %d once", listed, n)
	}
}
