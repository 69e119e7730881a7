package policy_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
)

// The decision log gets all of the input, the outcome alone under log: none, and faults.
func TestDecisionsAreReported(t *testing.T) {
	var mu sync.Mutex
	var got []llm.Decided
	rego := "package penstock\ndecision := {\"allow\": true, \"obligations\": {\"log\": \"none\"}} if input.request.model == \"quiet\"\n" +
		"decision := {\"allow\": true} if input.request.model == \"smart\"\ndecision := {\"allow\": true} if not input.request.model in {\"quiet\", \"smart\", \"odd\"}\n" +
		"decision := odd if input.request.model == \"odd\"\nodd := {\"allow\": 1}\n"
	e := newEngine(t, rego, policy.Options{Decisions: func(d llm.Decided) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, d)
	}})
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, model := range []string{"smart", "quiet", "odd"} {
		r := keyed(model)
		r.ID, r.IP = "req-"+model, "192.0.2.9"
		_, err := e.Decide(t.Context(), policy.Input{Request: r, Now: at})
		if (err != nil) != (model == "odd") {
			t.Fatalf("%s: %v", model, err)
		}
		r.Facts.Model = "changed later"
	}
	if _, err := e.Decide(t.Context(), policy.Input{Request: keyed("smart"), Now: at, Explained: true}); err != nil || len(got) != 3 {
		t.Fatalf("%d decisions after a dry run: %v; want 3", len(got), err)
	}
	text, err := got[0].Input()
	var input struct{ Request struct{ Model, IP string } }
	if err != nil || json.Unmarshal(text, &input) != nil || input.Request.Model != "smart" || input.Request.IP != "192.0.2.9" {
		t.Errorf("input %s, %v; want all of it, as it was", text, err)
	}
	if d := got[0]; d.RequestID != "req-smart" || d.KeyID == "" || !d.At.Equal(at) || d.Took <= 0 || !d.Decision.Allow || d.Decision.Input != nil || d.Decision.Revision == "" {
		t.Errorf("decision %+v", d)
	}
	if d := got[1]; d.Input != nil || !d.Decision.Allow || d.Decision.Obligations.Log != llm.LogNone {
		t.Errorf("under log: none %+v", d)
	}
	if d := got[2]; d.Err == nil || d.Decision.Revision == "" || d.Decision.Allow {
		t.Errorf("a fault %+v", d)
	}
}
