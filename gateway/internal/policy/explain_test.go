package policy_test

import (
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
)

// TestExplainNamesTheRulesLater explains decisions that were made without.
func TestExplainNamesTheRulesLater(t *testing.T) {
	e := newEngine(t, "package penstock\ndecision := {\"allow\": true, \"limits\": [l | some l in limits]}\nlimits contains {\"name\": \"a\", \"scope\": \"all\", \"unit\": \"requests\", \"window\": \"day\", \"max\": 5} if input.request.model == \"smart\"\n", policy.Options{})
	v, err := e.Decide(t.Context(), policy.Input{Request: keyed("smart"), Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)})
	if err != nil || len(v.Limits) != 1 || len(v.Rules) > 0 {
		t.Fatalf("decided %+v, %v", v, err)
	}
	got, err := e.Explain(t.Context(), v)
	if rule := got.RuleOf(llm.PartLimit, "a"); err != nil || rule == "" {
		t.Errorf("the rule of the limit is %q, %v", rule, err)
	}
	v.Revision = "another"
	if got, err := e.Explain(t.Context(), v); err != nil || len(got.Rules) > 0 {
		t.Errorf("a decision of another policy got the rules %+v, %v", got.Rules, err)
	}
}
