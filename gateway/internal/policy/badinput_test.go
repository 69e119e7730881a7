package policy_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/penstock/penstock/gateway/internal/policy"
)

// Whatever is wrong with a policy is said with file, row and column and with what to do, from a
// folder and from a bundle alike.
func TestBadPolicies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, at, want string }{
		"does not parse":         {"deny contains if {", "3:15", "unexpected if keyword"},
		"older Rego":             {"deny[x] { x := 1 }", "3:1", "policies are Rego v1"},
		"unknown field":          {`deny contains {"code": "x", "message": "x"} if input.request.modle == "a"`, "3:48", "did you mean input.request.model?"},
		"wrong types":            {`deny contains {"code": "x", "message": "x"} if input.request.model == 1`, "3:48", "the types do not fit: left : string; right : number"},
		"wrong argument":         {`deny contains {"code": "x", "message": "x"} if startswith(input.request.max_tokens, "a")`, "3:48", "the types do not fit: have: (number, string); want: (search: string,"},
		"unsafe variable":        {"deny contains x if input.request.stream", "3:15", "give it a value in this rule"},
		"recursion":              {"deny contains {\"code\": \"x\", \"message\": \"x\"} if a\n\na if b\n\nb if a", "5:1", "a rule must not depend on itself"},
		"conflicting forms":      {"deny := {{\"code\": \"x\", \"message\": \"x\"}}\n\ndeny contains {\"code\": \"y\", \"message\": \"y\"} if true", "3:1", "rules of one name have one form"},
		"conflicting values":     {"decision := {\"allow\": true} if input.v == 1\n\ndecision := {\"allow\": false} if input.v == 1", "5:1", "eval_conflict_error"},
		"undefined":              {`decision := {"allow": true} if input.key.team == "x"`, "3:1", "is undefined for this input"},
		"allow is a number":      {`decision := {"allow": 1}`, "3:23", "decision.allow: must be a boolean, not an integer"},
		"allow is computed":      {"decision := {\"allow\": x}\n\nx := 1", "3:1", "decision.allow: must be a boolean, not number"},
		"decision is no object":  {"decision := true", "3:13", "decision: must be an object, not a boolean"},
		"deny is a number":       {"deny contains x if { x := {} }\n\ndeny contains 1", "5:15", "deny: must be an object, not an integer"},
		"limit without a window": {`limits contains {"name": "a", "scope": "b", "unit": "usd", "max": 1}`, "3:1", "decision.limits[0]"},
		"unknown obligation":     {"obligations.log := \"full\"\n\nobligations.modell := \"x\"", "5:13", "did you mean model?"},
		"forbidden function":     {`deny contains {"code": "x", "message": "x"} if http.send({"url": "x"}).status_code == 1`, "3:48", "without network, clock, randomness or environment"},
		"the clock":              {`deny contains {"code": "x", "message": "x"} if time.now_ns() == 1`, "3:48", "time.now_ns is not available"},
		"unknown function":       {`deny contains {"code": "x", "message": "x"} if startwith("a", "b")`, "3:48", "did you mean startswith?"},
		"no such data":           {`deny contains {"code": "x", "message": "x"} if data.teams.a`, "3:48", "use object.get(data, \"teams\", …)"},
		"division by zero":       {`deny contains {"code": "x", "message": "x"} if 1 / 0 == input.v`, "3:48", "divide by zero"},
	} {
		module := "package penstock\n\n" + test.text + "\n"
		dir := folder(t, map[string]string{"p.rego": module})
		check(t, name+" in a folder", source(dir), filepath.Join(dir, "p.rego")+":"+test.at+": ", test.want)
		archive := build(t, signer{}, map[string]string{"p.rego": module}, map[string]any{}, func(*bundle.Bundle) {})
		fromBundle, err := readBundle(t, archive, nil)
		if err != nil {
			t.Fatal(err)
		}
		check(t, name+" in a bundle", fromBundle, "bundle.tar.gz/p.rego:"+test.at+": ", test.want)
	}
	failing := map[string]string{"p.rego": "package penstock\n\ndeny contains {\"code\": \"c\", \"message\": \"m\"} if input.request.stream\n",
		"p_test.rego": "package penstock_test\n\nimport data.penstock\n\ntest_deny if count(penstock.deny) == 1 with input.request.stream as false\n"}
	dir := folder(t, failing)
	check(t, "failing test in a folder", source(dir), filepath.Join(dir, "p_test.rego")+":5:1: test test_deny fails", "run `penstock policy test`")
	fromBundle, err := readBundle(t, build(t, signer{}, failing, map[string]any{}, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "failing test in a bundle", fromBundle, "bundle.tar.gz/p_test.rego:5:1: test test_deny fails", "run `penstock policy test`")
}

func check(t *testing.T, name string, src policy.Source, at, want string) {
	t.Helper()
	err := policy.Check(t.Context(), src)
	var faults policy.Faults
	if !errors.As(err, &faults) || !strings.Contains(err.Error(), at) || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want a fault at %q that says %q", name, err, at, want)
		return
	}
	for _, f := range faults {
		if f.File == "" || f.Row == 0 {
			t.Errorf("%s: %v has no place", name, f)
		}
	}
	if !strings.Contains(err.Error(), "\n  ") {
		t.Errorf("%s: no hint in %v", name, err)
	}
}
