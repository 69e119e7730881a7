package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestSimilar(t *testing.T) {
	l := openTest(t, Options{})
	day := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	agreement, none := 0.9, 0.0
	for i, s := range []*llm.SimilarLookup{
		nil,
		{Mode: llm.SimilarShadow, Skipped: "it has tools or tool calls"},
		{Mode: llm.SimilarShadow},
		{Mode: llm.SimilarShadow, ID: "a", Similarity: 0.97, Refused: "numbers"},
		{Mode: llm.SimilarShadow, ID: "a", Similarity: 0.97, Refused: "numbers"},
		{Mode: llm.SimilarShadow, ID: "a", Similarity: 0.97, Refused: "negation"},
		{Mode: llm.SimilarShadow, ID: "a", Similarity: 1, Agreement: &agreement, Agreed: true},
		{Mode: llm.SimilarShadow, ID: "a", Similarity: 1, Agreement: &none},
		{Mode: llm.SimilarShadow, ID: "a", Similarity: 1}, // its target failed
		{Mode: llm.SimilarOn, ID: "a", Similarity: 1},
		{Mode: llm.SimilarOn, ID: "a", Similarity: 1},
	} {
		r := record(fmt.Sprint(i))
		r.Time, r.Route, r.Similar, r.RequestText = day, "shadow", s, `{"similar":{"mode":"on"}}`
		if i >= 9 {
			r.Route, r.Cache = "on", llm.CacheSimilar
		}
		if i == 10 {
			r.Time = day.AddDate(0, 0, 1)
		}
		mustWrite(t, l, r)
	}
	got, err := l.Similar(t.Context(), day, day.AddDate(0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	want := []SimilarCounts{
		{Route: "on", Requests: 1, Similar: 1, Served: 1, Refused: map[string]int{}},
		{Route: "shadow", Requests: 8, Skipped: 1, Similar: 3, Refused: map[string]int{"numbers": 2, "negation": 1}, Compared: 2, Agreed: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Similar (-want +got):\n%s", diff)
	}
	if got, err := l.Similar(t.Context(), day.AddDate(1, 0, 0), time.Time{}); err != nil || len(got) != 0 {
		t.Errorf("a year later: %v, %v", got, err)
	}
}
