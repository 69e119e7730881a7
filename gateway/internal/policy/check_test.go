package policy_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
)

func TestTestReportsEveryOutcome(t *testing.T) {
	dir := folder(t, map[string]string{
		"p.rego": "package penstock\ndecision := {\"allow\": x}\nx := true if input.request.model == \"a\"\nelse := false",
		"p_test.rego": `package penstock_test
import data.penstock
test_a if penstock.decision.allow with input.request.model as "a"
test_b if { print("here"); penstock.decision.allow with input.request.model as "b" }
todo_test_c if true
test_cases[name] if {
	some name, model in {"good": "a", "bad": "b"}
	penstock.decision.allow with input.request.model as model
}
`})
	var out strings.Builder
	r, err := policy.Test(t.Context(), source(dir), &out, policy.TestOptions{Verbose: true, Coverage: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.Passed != 1 || r.Failed != 2 || r.Skipped != 1 || r.Coverage != 100 {
		t.Errorf("Test = %+v, want 1 passed, 2 failed, 1 skipped, full coverage", r)
	}
	want := strings.ReplaceAll(`ok   DIR/p_test.rego:3 test_a
FAIL DIR/p_test.rego:4 test_b
     | here
skip DIR/p_test.rego:5 todo_test_c
FAIL DIR/p_test.rego:6 test_cases
     case bad fails
1 passed, 2 failed, 1 skipped
coverage 100.0 %
`, "DIR", dir)
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("report differs (-want +got):\n%s", diff)
	}
}

func TestTestIsQuietAboutWhatPasses(t *testing.T) {
	var out strings.Builder
	r, err := policy.Test(t.Context(), source(""), &out, policy.TestOptions{})
	if err != nil || r.Failed > 0 || r.Coverage >= 0 || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("Test = %+v, %v, and says\n%s\nwant one line", r, err, out.String())
	}
}

func TestTestNamesWhatIsNotCovered(t *testing.T) {
	dir := folder(t, map[string]string{
		"p.rego":      "package penstock\ndecision := {\"allow\": count(deny) == 0}\ndeny contains \"x\" if {\n\tinput.request.ip == \"1\"\n}",
		"p_test.rego": "package penstock_test\nimport data.penstock\ntest_a if penstock.decision.allow",
	})
	r, err := policy.Test(t.Context(), source(dir), &strings.Builder{}, policy.TestOptions{Coverage: true})
	if err != nil || r.Coverage >= 100 || len(r.Uncovered) == 0 || !strings.HasPrefix(r.Uncovered[0], dir+"/p.rego:3") {
		t.Errorf("Test = %+v, %v, want the rule at row 3 as not covered", r, err)
	}
}

func TestEvalShowsTheDecision(t *testing.T) {
	got, err := policy.Eval(t.Context(), source(""), []byte(`{"key": {"models": ["a"], "id": "k", "budget": {"max": 0.1, "window": "day"}}, "request": {"model": "b"}}`), true)
	if err != nil || got.Err != nil {
		t.Fatalf("Eval: %v, %v", err, got.Err)
	}
	var decision struct {
		Allow  bool
		Limits []struct{ Max json.Number }
	}
	if err := json.Unmarshal(got.Decision, &decision); err != nil || decision.Allow || len(decision.Limits) != 1 || decision.Limits[0].Max != "0.1" {
		t.Errorf("Decision is %s (%v), want a refusal with a limit of 0.1", got.Decision, err)
	}
	if got.Verdict.Allow || got.Verdict.Reasons[0].Code != "model_not_allowed" || got.Verdict.Limits[0].Max != int64(llm.USD/10) {
		t.Errorf("Verdict = %+v, want the refusal", got.Verdict)
	}
	if !strings.Contains(got.Trace, "default.rego") {
		t.Errorf("trace does not name the policy:\n%s", got.Trace)
	}
}

func TestEvalShowsWhatTheGatewayWouldNotTake(t *testing.T) {
	dir := folder(t, map[string]string{"p.rego": byModel(`{"allow": 1}`)})
	got, err := policy.Eval(t.Context(), source(dir), []byte(`{"request": {"model": "odd"}}`), false)
	if err != nil || got.Err == nil || !strings.Contains(string(got.Decision), `"allow": 1`) || got.Trace != "" {
		t.Errorf("Eval = %+v, %v, want the raw decision and what is wrong with it", got, err)
	}
	got, err = policy.Eval(t.Context(), source(dir), []byte(`{}`), false)
	if err != nil || got.Err == nil || got.Decision != nil {
		t.Errorf("Eval = %+v, %v, want undefined", got, err)
	}
}

func TestEvalRefusesInputThatIsNoObject(t *testing.T) {
	for _, input := range []string{"", "{", "[]", "{} {}", "1"} {
		if _, err := policy.Eval(t.Context(), source(""), []byte(input), false); err == nil {
			t.Errorf("Eval of %q succeeded", input)
		}
	}
}

func TestInputJSONIsWhatEvalTakes(t *testing.T) {
	e := newEngine(t, "", policy.Options{Now: func() time.Time { return time.Unix(0, 0) }})
	input, err := e.InputJSON(policy.Input{Request: keyed("anthropic/claude")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := policy.Eval(t.Context(), source(""), input, false)
	if err != nil || got.Err != nil {
		t.Fatalf("Eval: %v, %v", err, got.Err)
	}
	want := decide(t, e, policy.Input{Request: keyed("anthropic/claude")})
	if diff := cmp.Diff(want, got.Verdict); diff != "" {
		t.Errorf("Eval differs from Decide (-Decide +Eval):\n%s", diff)
	}
}

func TestCheckReportsPlaces(t *testing.T) {
	dir := folder(t, map[string]string{"p.rego": "package penstock\ndecision := {\"allow\": input.reqest.model}"})
	err := policy.Check(t.Context(), source(dir))
	var faults policy.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("Check = %v, want Faults", err)
	}
	want := policy.Faults{{File: dir + "/p.rego", Row: 2, Col: 23, Message: "undefined ref: input.reqest.model",
		Hint: "did you mean input.request? input has key, request, route, time, usage, v"}}
	if diff := cmp.Diff(want, faults); diff != "" {
		t.Errorf("Check differs (-want +got):\n%s", diff)
	}
}
