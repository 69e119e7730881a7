package policy_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/policy"
)

// faultsOf returns the text of all faults in err, without dir.
func faultsOf(t *testing.T, err error, dir string) string {
	t.Helper()
	var faults policy.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("error is %v, want Faults", err)
	}
	return strings.ReplaceAll(faults.Error(), dir+string(filepath.Separator), "")
}

func TestFaultyPoliciesAreRefused(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"two files that do not parse", map[string]string{"a.rego": "package penstock\ndecision := {", "b.rego": "package penstock\nallow { true }"},
			[]string{"a.rego:2:", "b.rego:2:1: ", "Rego v1"}},
		{"unknown member of the input", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": input.request.modle == \"x\"}"},
			[]string{"a.rego:2:23: undefined ref: input.request.modle", "did you mean input.request.model?", "est_input_tokens"}},
		{"two unknown members", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": x, \"warnings\": y}\nx := input.time.hour\ny := input.key.teem"},
			[]string{"a.rego:3:6: undefined ref: input.time.hour", "a.rego:4:6: undefined ref: input.key.teem", "did you mean input.key.team?"}},
		{"network", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": true} if http.send({\"method\": \"get\", \"url\": \"http://x\"})"},
			[]string{"a.rego:2:", "undefined function http.send", "not available to policies"}},
		{"misspelt function", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": startwith(\"a\", \"b\")}"},
			[]string{"undefined function startwith", "did you mean startswith?"}},
		{"unused import", map[string]string{"a.rego": "package penstock\nimport data.x.y\ndecision := {\"allow\": true}"}, []string{"a.rego:2:1: import data.x.y unused"}},
		{"undefined decision", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": true} if input.request.model == \"nothing\""}, []string{"is undefined for this input"}},
		{"unknown obligation", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": true, \"obligations\": {\"max_tokens\": 1}}"},
			[]string{"a.rego:2:45: decision.obligations.max_tokens: unknown", "max_output_tokens"}},
		{"wrong type", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": \"yes\"}"}, []string{"a.rego:2:23: decision.allow: must be a boolean, not a string"}},
		{"misspelt and wrong in rules that extend the built-in policy", map[string]string{"a.rego": `package penstock
deny contains {"code": "x", "mesage": "y"} if input.key.team == "a"
limits contains {"name": "n", "scope": sprintf("team:%s", [input.key.team]), "unit": "dollars", "window": "day", "max": -1}
obligations["max_output_tokens"] := "many" if input.request.stream
obligations["cash"] := {"mode": "bypass"}
obligations.cache.mod := "bypass"
warnings contains 5 if input.request.stream
`}, []string{`a.rego:2:15: deny.message: missing`, `a.rego:2:29: deny.mesage: unknown; did you mean message?`, `a.rego:3:86: limits.unit: must be one of usd, tokens`,
			`a.rego:3:121: limits.max: must be at least 0, not -1`, `a.rego:4:37: obligations.max_output_tokens: must be an integer, not a string`,
			`a.rego:5:13: obligations.cash: unknown; did you mean cache?`, `a.rego:6:19: obligations.cache.mod: unknown; did you mean mode?`, `a.rego:7:19: warnings: must be a string, not an integer`}},
		{"failing test", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": true}", "a_test.rego": "package penstock_test\nimport data.penstock\ntest_closed if not penstock.decision.allow"},
			[]string{"a_test.rego:3:1: test test_closed fails"}},
		{"test that does not compile", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": true}", "a_test.rego": "package penstock_test\ntest_x if nonsense(1)"},
			[]string{"a_test.rego:2:11: undefined function nonsense"}},
		{"rules that contradict each other", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": true}\ndecision := {\"allow\": false}"},
			[]string{"a.rego:3: eval_conflict_error"}},
		{"data that hides a rule", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": true}", "data.json": `{"penstock": {"decision": 1}}`}, []string{"conflict"}},
		{"data that is not an object", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": true}", "data.json": `[]`}, []string{"data.json: must be an object"}},
		{"data given twice", map[string]string{"a.rego": "package penstock\ndecision := {\"allow\": true}", "data.json": `{"x": {"y": 1}}`, "x/data.json": `{"y": 2}`}, []string{"data.x.y is already defined"}},
		{"no policy", map[string]string{"data.json": "{}"}, []string{"no .rego file"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := folder(t, tt.files)
			_, err := policy.New(t.Context(), policy.Options{Source: source(dir), Timeout: time.Minute})
			if err == nil {
				t.Fatal("New accepted it")
			}
			got := faultsOf(t, err, dir)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("New: %s\nwant %q in it", got, want)
				}
			}
		})
	}
}

func TestMissingFolderIsAFault(t *testing.T) {
	err := policy.Check(t.Context(), source(filepath.Join(t.TempDir(), "nowhere")))
	var faults policy.Faults
	if !errors.As(err, &faults) || faults[0].Message != "no such folder" {
		t.Errorf("Check = %v, want: no such folder", err)
	}
}

func TestForbiddenFunctionsDoNotCompile(t *testing.T) {
	calls := []string{`http.send({"method": "get", "url": "http://x"})`, `net.lookup_ip_addr("x")`, `net.cidr_contains("10.0.0.0/8", "10.0.0.1")`,
		`opa.runtime()`, `rand.intn("a", 4)`, `uuid.rfc4122("a")`, `time.now_ns()`, `trace("x")`, `rego.parse_module("a", "package a")`,
		`io.jwt.decode("x")`, `crypto.x509.parse_certificates("x")`, `providers.aws.sign_req({}, {}, 1)`}
	for _, call := range calls {
		dir := folder(t, map[string]string{"p.rego": "package penstock\ndecision := {\"allow\": true} if {\n\tx := " + call + "\n\tx\n}\n"})
		err := policy.Check(t.Context(), source(dir))
		if err == nil || !strings.Contains(err.Error(), "p.rego:3:7: undefined function ") {
			t.Errorf("Check with %s = %v, want an undefined function at 3:7", call, err)
		}
	}
}
