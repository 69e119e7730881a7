package pipeline

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestPartOfARequest has a request of which one text of three is not stored: only that one is
// reserved, sent and charged, and the rest is saved.
func TestPartOfARequest(t *testing.T) {
	f := newFakes("a")
	f.route.CacheTTL = 1
	whole := request(false)
	whole.Facts.Inputs, whole.Facts.TextBytes, whole.Facts.EstInputTokens = 3, 3000, 1000
	rest := *whole
	rest.Facts.Inputs, rest.Facts.TextBytes, rest.Facts.EstInputTokens = 1, 10, 3
	joined := false
	f.part = &llm.Part{Request: &rest, Stored: 2, SavedTokens: 990, Join: func(s llm.Stream) (llm.Stream, error) {
		joined = true
		return s, nil
	}}
	f.decision.Limits = []llm.Limit{hardBudget()}
	got, err := f.serve(t, t.Context(), whole)
	if err != nil || !joined {
		t.Fatalf("%v, joined is %t", err, joined)
	}
	if want := llm.EstimateOf(f.route.Targets[0], &rest.Facts, 0, 0).Cost(); len(f.reserved) != 1 || f.reserved[0].USD != want {
		t.Errorf("reserved %v, want %v", f.reserved, want)
	}
	r := f.records[0]
	if r.Cache != llm.CachePartial || r.Saved != f.route.Targets[0].Price.Cost(llm.Usage{Input: 990}) || got.head.Header.Get("X-Penstock-Cache") != "partial" {
		t.Errorf("cache %s, saved %s, header %q", r.Cache, r.Saved, got.head.Header.Get("X-Penstock-Cache"))
	}
}
