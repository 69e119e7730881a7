package activity

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestParts(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 1, 0, 0, time.UTC)
	a := New(func() time.Time { return now })
	limited := &llm.Decision{Allow: true, Limits: []llm.Limit{{Name: "a day"}}, Obligations: llm.Obligations{Route: "cheap"}, Warnings: []string{"near"}}
	refused := &llm.Decision{Reasons: []llm.Reason{{Code: "no_slow", Rule: "a.rego:3"}}}
	for i, at := range []time.Duration{-30 * time.Hour, -2 * time.Hour, -time.Minute, 0} {
		a.Observe(&llm.Record{ID: fmt.Sprint(i), Time: now.Add(at), Decision: limited})
	}
	a.Observe(&llm.Record{ID: "r", Time: now, Status: 403, Decision: refused})
	a.Observe(&llm.Record{ID: "without", Time: now})
	last := Hits{Requests: 3, Last: "3", At: now}
	want := map[Part]Hits{{"limit", "a day"}: last, {"obligation", "route"}: last, {"warning", "near"}: last, {"refusal", "no_slow"}: {Requests: 1, Rule: "a.rego:3", Last: "r", At: now}}
	if d := cmp.Diff(want, a.Parts()); d != "" {
		t.Errorf("parts (-want +got):\n%s", d)
	}
	now = now.Add(30 * time.Hour)
	if got := a.Parts(); len(got) > 0 {
		t.Errorf("after a day there are %v", got)
	}
}

// TestPartsAreBounded decides with names that are different for every request.
func TestPartsAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 1, 0, 0, time.UTC)
	a := New(func() time.Time { return now })
	for i := range 10 * maxParts {
		a.Observe(&llm.Record{Time: now, Decision: &llm.Decision{Limits: []llm.Limit{{Name: fmt.Sprint("limit ", i)}}}})
	}
	got := a.Parts()
	if n := got[Part{"limit", Other}].Requests; len(got) != maxParts+1 || n != 9*maxParts {
		t.Errorf("%d parts, %d of them others; want %d and %d", len(got), n, maxParts+1, 9*maxParts)
	}
}
