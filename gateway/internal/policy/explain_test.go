package policy_test

import (
	"strings"
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

// TestExplainNamesTheRowOfASetting: what a settings file says is found there, and a rule of the
// folder's own in its file.
func TestExplainNamesTheRowOfASetting(t *testing.T) {
	dir := folder(t, map[string]string{
		"teams.yaml":  "defaults:\n  rpm: 60\nteams:\n  search:\n    budget:\n      day: {hard: 5, soft: 80%}\n      month: 50\n",
		"limits.yaml": "keys:\n  defaults:\n    concurrent: 3\nraises:\n  - {team: search, window: month, add: 5, until: 2099-01-01, reason: r}\n",
		"models.yaml": "models:\n  smart: {requests: {day: 9}}\n",
		"own.rego":    "package penstock\n\nlimits contains {\"name\": \"own\", \"scope\": \"own\", \"unit\": \"requests\", \"window\": \"day\", \"max\": 5}\n",
	})
	e, err := policy.New(t.Context(), policy.Options{Source: source(dir), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	r := keyed("smart")
	r.Principal.Team = "search"
	v, err := e.Decide(t.Context(), policy.Input{Request: r, Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Explained: true})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"team search: budget per day": "teams.yaml:6", "team search: soft budget per day": "teams.yaml:6", "team search: budget per month": "teams.yaml:7",
		"team search: requests per 1m": "teams.yaml:2", "each key: concurrent requests": "limits.yaml:3", "model smart: requests per day": "models.yaml:2", "own": "own.rego:3"}
	for _, l := range v.Limits {
		if l.Name == "key budget" { // which is the built-in rule's own
			continue
		}
		if got := strings.TrimPrefix(v.RuleOf(llm.PartLimit, l.Name), dir+"/"); got != want[l.Name] {
			t.Errorf("%q comes from %q, want %q", l.Name, got, want[l.Name])
		}
		delete(want, l.Name)
	}
	if len(want) > 0 {
		t.Errorf("there are no limits %v", want)
	}
}
