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

func TestTestPrintsOneLineWhenAllPass(t *testing.T) {
	var out strings.Builder
	r, err := policy.Test(t.Context(), source(""), &out, policy.TestOptions{})
	if err != nil || r.Failed > 0 || r.Coverage >= 0 || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("Test = %+v, %v, with the output\n%s\nwant one line", r, err, out.String())
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
	got, err := policy.Eval(t.Context(), source(""), []byte(`{"key": {"models": ["a"], "id": "k", "budget": {"max": 0.1, "window": "day"}}, "request": {"model": "b"}}`), policy.EvalOptions{Trace: true})
	if err != nil || got.Err != nil {
		t.Fatalf("Eval: %v, %v", err, got.Err)
	}
	var decision struct {
		Allow  bool
		Limits []struct{ Max json.Number }
	}
	if err := json.Unmarshal(got.Raw, &decision); err != nil || decision.Allow || len(decision.Limits) != 1 || decision.Limits[0].Max != "0.1" {
		t.Errorf("Raw is %s (%v), want a refusal with a limit of 0.1", got.Raw, err)
	}
	if got.Decision.Allow || got.Decision.Reasons[0].Code != "model_not_allowed" || got.Decision.Limits[0].Max != int64(llm.USD/10) {
		t.Errorf("Decision = %+v, want the refusal", got.Decision)
	}
	if !strings.Contains(got.Trace, "default.rego") {
		t.Errorf("trace does not name the policy:\n%s", got.Trace)
	}
}

func TestEvalShowsWhatTheGatewayWouldNotTake(t *testing.T) {
	dir := folder(t, map[string]string{"p.rego": byModel(`{"allow": 1}`)})
	got, err := policy.Eval(t.Context(), source(dir), []byte(`{"request": {"model": "odd"}}`), policy.EvalOptions{})
	if err != nil || got.Err == nil || !strings.Contains(string(got.Raw), `"allow": 1`) || got.Trace != "" {
		t.Errorf("Eval = %+v, %v, want the raw decision and what is wrong with it", got, err)
	}
	dir = folder(t, map[string]string{"p.rego": "package penstock\ndecision := {\"allow\": true} if input.request.model != \"odd\""})
	got, err = policy.Eval(t.Context(), source(dir), []byte(`{"request": {"model": "odd"}}`), policy.EvalOptions{})
	if err != nil || got.Err == nil || got.Raw != nil {
		t.Errorf("Eval = %+v, %v, want undefined", got, err)
	}
}

// TestEvalDecidesAsTheGatewayDoes gives Eval partial inputs of the one that Decide gets:
// rules about absent members must have the same result.
func TestEvalDecidesAsTheGatewayDoes(t *testing.T) {
	rules := map[string]string{
		"no roles":     `count(input.key.roles) == 0`,
		"no tag":       `not "usecase" in object.keys(input.request.tags)`,
		"every model":  `every model in input.key.models { model != "x" }`,
		"time":         `input.time.minute_of_day >= 0`,
		"no usage":     `count(input.usage) == 0`,
		"plain":        `input.request.stream == false`,
		"endpoint":     `input.request.endpoint == "chat.completions"`,
		"no targets":   `count(input.route.targets) == 0`,
		"no metadata":  `input.request.metadata == {}`,
		"version":      `input.v == 1`,
		"whole member": `object.get(input, ["key", "tags"], null) == {}`,
	}
	for name, condition := range rules {
		t.Run(name, func(t *testing.T) {
			rego := "package penstock\ndeny contains {\"code\": \"no\", \"message\": \"No.\"} if " + condition + "\n"
			e := newEngine(t, rego, policy.Options{})
			want := decide(t, e, policy.Input{Request: request("smart")})
			for _, input := range []string{`{}`, `{"key": {}}`, `{"request": {"model": "smart"}, "route": {}, "time": {}}`} {
				got, err := policy.Eval(t.Context(), source(folder(t, map[string]string{"policy.rego": rego})), []byte(input), policy.EvalOptions{})
				if err != nil || got.Err != nil {
					t.Fatalf("Eval: %v, %v", err, got.Err)
				}
				if want.Allow || got.Decision.Allow {
					t.Errorf("Eval of %s allows: %v, the gateway: %v, want neither to", input, got.Decision.Allow, want.Allow)
				}
			}
		})
	}
}

func TestEvalSaysWhatItAdded(t *testing.T) {
	got, err := policy.Eval(t.Context(), source(""), []byte(`{"key": {"team": "a"}, "request": {"model": "b", "tags": {}}, "usage": {}, "v": 1}`), policy.EvalOptions{})
	want := []string{"input.key.models", "input.key.roles", "input.key.tags", "input.request.data_classes", "input.request.dialect", "input.request.endpoint",
		"input.request.est_input_tokens", "input.request.features", "input.request.metadata", "input.request.stream", "input.route", "input.time"}
	if diff := cmp.Diff(want, got.Added); diff != "" || err != nil {
		t.Errorf("Added differs (-want +got), %v:\n%s", err, diff)
	}
}

func TestEvalTimeAgreesWithItself(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, time.March, 4, 22, 30, 0, 0, time.UTC) // a Wednesday, 23:30 in Berlin
	dir := folder(t, map[string]string{"p.rego": "package penstock\ndecision := {\"allow\": true, \"warnings\": [sprintf(\"%s %s %d %d\", " +
		"[input.time.weekday, input.time.date, input.time.minute_of_day, input.time.unix_minute])]}\n"})
	tests := []struct{ time, want string }{
		{`{}`, "Wednesday 2026-03-04 1410 29544390"},
		{`{"minute_of_day": 60}`, "Wednesday 2026-03-04 60 29543040"},
		{`{"weekday": "Sunday"}`, "Sunday 2026-03-08 1410 29550150"},
		{`{"date": "2026-12-25"}`, "Friday 2026-12-25 1410 29970630"},
		{`{"unix_minute": 0}`, "Thursday 1970-01-01 60 0"},
		{`{"date": "2026-07-01", "minute_of_day": 0}`, "Wednesday 2026-07-01 0 29714280"}, // summer time
	}
	for _, tt := range tests {
		got, err := policy.Eval(t.Context(), source(dir), []byte(`{"time": `+tt.time+`}`), policy.EvalOptions{Location: berlin, Now: now})
		if err != nil || got.Err != nil || got.Decision.Warnings[0] != tt.want {
			t.Errorf("time %s became %v (%v, %v), want %s", tt.time, got.Decision.Warnings, err, got.Err, tt.want)
		}
	}
}

func TestEvalRefusesWhatTheGatewayNeverSends(t *testing.T) {
	tests := []struct{ input, want string }{
		{"{\n  \"request\": {\"modle\": \"x\"}\n}", "in.json:2:24: input.request.modle: unknown; did you mean model?"},
		{`{"team": "x"}`, "in.json:1:10: input.team: unknown; known are key, request, route, time, usage, v"},
		{`{"key": {"team": 7}}`, "in.json:1:18: input.key.team: must be a string, not an integer"},
		{`{"key": {"team": null}}`, "input.key.team: must be a string, not null"},
		{`{"key": {"roles": "admin"}}`, "input.key.roles: must be an array, not a string"},
		{`{"key": {"roles": ["a", 1]}}`, "in.json:1:25: input.key.roles[1]: must be a string, not an integer"},
		{`{"key": {"budget": {"max": 1}}}`, "input.key.budget.window: missing"},
		{`{"key": {"budget": {"max": -1, "window": "day"}}}`, "input.key.budget.max: must be at least 0, not -1"},
		{`{"time": {"weekday": "Sonntag"}}`, `input.time.weekday: must be one of`},
		{`{"time": {"minute_of_day": 1440}}`, "input.time.minute_of_day: must be at most 1439, not 1440"},
		{`{"time": {"minute_of_day": 1.5}}`, "input.time.minute_of_day: must be an integer, not a number"},
		{`{"v": 2}`, "input.v: must be 1, not 2"},
		{`{"usage": {"team:x": {"day": {"usd": "50"}}}}`, "input.usage.team:x.day.usd: must be an integer, not a string"},
		{`{"route": {"targets": [{"id": "a/b"}]}}`, "input.route.targets[0].provider: missing"},
		{`{"key": {"team": "a", "team": "b"}}`, `in.json:1:23: "team" is given twice`},
		{"", "in.json:1:1: not valid JSON: expected a value, found the end of the text"}, {"{", "not valid JSON"}, {"{} {}", "expected the end of the text"},
		{"[]", "input: must be an object, not an array"}, {"1", "input: must be an object, not an integer"},
	}
	for _, tt := range tests {
		_, err := policy.Eval(t.Context(), source(""), []byte(tt.input), policy.EvalOptions{File: "in.json"})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Eval of %q = %v, want %q", tt.input, err, tt.want)
		}
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
