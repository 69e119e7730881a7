package policy_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
)

// byModel returns a policy that allows the sample requests and has the given decision for
// the model odd, in a rule that no schema is known for.
func byModel(decision string) string {
	return "package penstock\ndecision := {\"allow\": true} if input.request.model != \"odd\"\ndecision := odd if input.request.model == \"odd\"\nodd := " + decision + "\n"
}

func policyError(t *testing.T, err error) *llm.Error {
	t.Helper()
	var e *llm.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want an *llm.Error", err)
	}
	return e
}

func TestMalformedDecisionsDeny(t *testing.T) {
	limit := func(members string) string {
		return `{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "window": "day", ` + members + `}]}`
	}
	tests := []struct{ decision, want string }{
		{`true`, "decision: must be an object, not boolean"},
		{`{}`, "decision.allow: missing"},
		{`{"allow": 1}`, "decision.allow: must be a boolean, not number"},
		{`{"allow": true, "alow": true}`, "decision.alow: unknown; did you mean allow?"},
		{`{1: true}`, "has the key 1"},
		{`{"allow": true, "reasons": [{"code": "x", "message": "y"}]}`, "allow is true, yet there are reasons"},
		{`{"allow": false, "reasons": "x"}`, "decision.reasons: must be an array or a set, not string"},
		{`{"allow": false, "reasons": [{"code": "x"}]}`, "decision.reasons[0].message: missing"},
		{`{"allow": false, "reasons": [{"message": "x"}]}`, "decision.reasons[0].code: missing"},
		{`{"allow": false, "reasons": [{"code": "Not So", "message": "x"}]}`, "must consist of a-z"},
		{`{"allow": false, "reasons": [{"code": "x", "message": "y", "status": 200}]}`, "status: must be a whole number from 400 to 599, not 200"},
		{`{"allow": false, "reasons": [{"code": "x", "message": "y", "retry_after_s": -1}]}`, "retry_after_s: must be"},
		{`{"allow": false, "reasons": [{"code": "x", "message": "y", "why": "z"}]}`, "decision.reasons[0].why: unknown"},
		{`{"allow": true, "warnings": [1]}`, "decision.warnings[0]: must be a string, not number"},
		{`{"allow": true, "warnings": [x | some x in numbers.range(1, 65)]}`, "has 65 items, at most 64"},
		{limit(`"max": -1`), "max: must not be negative"},
		{limit(`"max": "5"`), "max: must be a number, not string"},
		{limit(`"max": 0.0000000001`), "more than nine decimals"},
		{limit(`"max": 1e30`), "too large"},
		{limit(`"on_exceed": "deny"`), "decision.limits[0].max: missing"},
		{limit(`"max": 1, "on_exceed": "log"`), `on_exceed: must be one of [deny warn cut], not "log"`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "eur", "window": "day", "max": 1}]}`, `unit: must be one of`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "", "unit": "usd", "window": "day", "max": 1}]}`, "scope: must not be empty"},
		{`{"allow": true, "limits": [{"name": "n", "scope": "a\nb", "unit": "usd", "window": "day", "max": 1}]}`, "control characters"},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "window": "fortnight", "max": 1}]}`, `invalid window "fortnight"`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "window": "0h", "max": 1}]}`, `invalid window "0h"`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "window": "1000000000d", "max": 1}]}`, `the longest is 366d`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "window": "month from 31", "max": 1}]}`, `a day from 1 to 28`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "window": "year from 02-30", "max": 1}]}`, `a month and a day that every year has`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "window": "day in Mars/Olympus", "max": 1}]}`, `time zone "Mars/Olympus" is unknown`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "window": "rolling day", "max": 1}]}`, `rolling 24h`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "window": "rolling 367d", "max": 1}]}`, `the longest is 366d`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "max": 1}]}`, "window: missing"},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "concurrent", "window": "1m", "max": 1}]}`, "a limit on concurrent requests has none"},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "requests", "window": "1m", "max": 1.5}]}`, "max: must be a whole number"},
		{`{"allow": true, "limits": [{"scope": "s", "unit": "requests", "window": "1m", "max": 1}]}`, "name: missing"},
		{`{"allow": true, "limits": {"a": 1}}`, "decision.limits: must be an array or a set, not object"},
		{`{"allow": true, "obligations": {"max_tokens": 5}}`, "decision.obligations.max_tokens: unknown"},
		{`{"allow": true, "obligations": {"max_output_tokens": 0}}`, "must be a whole number from 1"},
		{`{"allow": true, "obligations": {"log": "some"}}`, "must be one of [none metadata redacted full]"},
		{`{"allow": true, "obligations": {"cache": {"mode": "off"}}}`, "must be one of [default bypass force]"},
		{`{"allow": true, "obligations": {"cache": {"ttl": 5}}}`, "decision.obligations.cache.ttl: unknown; did you mean ttl_s?"},
		{`{"allow": true, "obligations": {"headers": {"Set-Cookie": "a=b"}}}`, "not a header that a policy may set"},
		{`{"allow": true, "obligations": {"headers": {"x y": "b"}}}`, "not a header that a policy may set"},
		{`{"allow": true, "obligations": {"headers": {"X-Penstock-Cost-Usd": "0"}}}`, "not a header that a policy may set"},
		{`{"allow": true, "obligations": {"headers": {"x_penstock_target": "b"}}}`, "not a header that a policy may set"},
		{`{"allow": true, "obligations": {"headers": {"X-Accel-Redirect": "/etc"}}}`, "not a header that a policy may set"},
		{`{"allow": true, "obligations": {"headers": {"Access-Control-Allow-Origin": "*"}}}`, "not a header that a policy may set"},
		{`{"allow": true, "obligations": {"headers": {"location": "http://x"}}}`, "not a header that a policy may set"},
		{`{"allow": true, "obligations": {"headers": {"Transfer_Encoding": "chunked"}}}`, "not a header that a policy may set"},
		{`{"allow": true, "obligations": {"headers": {"content-length": "1"}}}`, "not a header that a policy may set"},
		{`{"allow": true, "obligations": {"headers": {"Service-Worker-Allowed": "/"}}}`, "not a header that a policy may set"},
		{`{"allow": true, "obligations": {"headers": {"x-a": "b\u009b31m"}}}`, "control characters"},
		{`{"allow": true, "obligations": {"tags": {"a": "b\r\nc"}}}`, "control characters"},
		{`{"allow": true, "obligations": {"headers": {"x-a": "b\r\nx-c: d"}}}`, "control characters"},
		{`{"allow": true, "obligations": {"tags": {"a": 1}}}`, "decision.obligations.tags.a: must be a string"},
		{`{"allow": true, "obligations": {"headers": {"x-a": "b", "X-A": "c"}}}`, "x-a is given twice"},
		{`{"allow": true, "obligations": {"headers": {"Anthropic-Ratelimit-Requests-Limit": "9"}}}`, "not a header that a policy may set"},
		{`{"allow": true, "obligations": {"headers": {"x-should-retry": "true"}}}`, "not a header that a policy may set"},
		{`{"allow": true, "obligations": {"headers": {"x-a": concat("", ["x" | some i in numbers.range(1, 3000)])}}}`, "has 3000 bytes, at most 2000"},
		{`{"allow": true, "obligations": {"route": "a", "model": "b"}}`, "route (a) and model (b) send the request to different models"},
		{`{"allow": true, "obligations": {"cache": {"ttl_s": 0}}}`, "ttl_s: must be a whole number from 1"},
		{`{"allow": true, "obligations": {"cache": {"mode": true}}}`, "cache.mode: must be a string, not boolean"},
		{`{"allow": true, "obligations": {"max_output_tokens": 1.5}}`, "must be a whole number from 1"},
		{`{"allow": true, "obligations": {"max_output_tokens": 1e30}}`, "must be a whole number from 1"},
		{`{"allow": true, "obligations": {"max_output_tokens": "5"}}`, "max_output_tokens: must be a number, not string"},
		{`{"allow": true, "obligations": [["model", "x"]]}`, "decision.obligations: must be an object, not array"},
		{`{"allow": true, "obligations": {"deny_targets": "openai/*"}}`, "deny_targets: must be an array or a set, not string"},
		{`{"allow": true, "obligations": {"regions": [null]}}`, "regions[0]: must be a string, not null"},
		{`{"allow": true, "warnings": ["a\u0000b"]}`, "decision.warnings[0]: must not contain control characters"},
		{`{"allow": false, "reasons": [{"code": "x", "message": "a\u001b[31m"}]}`, "message: must not contain control characters"},
		{`{"allow": false, "reasons": [{"code": "x", "message": ""}]}`, "message: must not be empty"},
		{`{"allow": false, "reasons": [{"code": "x", "message": concat("", ["x" | some i in numbers.range(1, 3000)])}]}`, "has 3000 bytes, at most 2000"},
		{`{"allow": false, "reasons": [{"code": "x", "message": "y", "status": 600}]}`, "status: must be a whole number from 400 to 599, not 600"},
		{`{"allow": false, "reasons": [{"code": "x", "message": "y", "status": "403"}]}`, "status: must be a number, not string"},
		{limit(`"max": 0.1 + 0.2 + 0.0000000001`), "max: "},
		{limit(`"max": 1 / 3`), "more than nine decimals; an amount that is computed must be rounded"},
		{`{"allow": true, "limits": [{"name": sprintf("%d", [i]), "scope": "s", "unit": "requests", "window": "day", "max": i} | some i in numbers.range(1, 10000)]}`, "has 10000 items, at most 64"},
		{`{"allow": null}`, "decision.allow: must be a boolean, not null"},
	}
	for _, tt := range tests {
		e := newEngine(t, byModel(tt.decision), policy.Options{})
		_, err := e.Decide(t.Context(), policy.Input{Request: request("odd")})
		if err == nil {
			t.Errorf("Decide with %s succeeded, want %q", tt.decision, tt.want)
			continue
		}
		got := policyError(t, err)
		if got.Code != llm.CodePolicyFault || got.HTTPStatus() != 500 || !strings.Contains(got.Err.Error(), tt.want) {
			t.Errorf("Decide with %s = %v (%d), want policy_error, 500, %q", tt.decision, err, got.HTTPStatus(), tt.want)
		}
		if strings.Contains(got.Message, "decision.") {
			t.Errorf("message %q shows the caller details of the policy", got.Message)
		}
	}
}

func TestUndefinedDecisionDenies(t *testing.T) {
	e := newEngine(t, "package penstock\ndecision := {\"allow\": true} if input.request.model != \"odd\"", policy.Options{})
	_, err := e.Decide(t.Context(), policy.Input{Request: request("odd")})
	if got := policyError(t, err); got.Code != llm.CodePolicyFault || !strings.Contains(got.Err.Error(), "undefined") {
		t.Errorf("Decide = %v, want policy_error: undefined", err)
	}
}

func TestFailingFunctionDenies(t *testing.T) {
	e := newEngine(t, "package penstock\ndecision := {\"allow\": count(deny) == 0}\ndeny contains 1 if to_number(input.request.tags.level) > 5", policy.Options{})
	r := request("smart")
	r.Tags = map[string]string{"level": "not a number"}
	if _, err := e.Decide(t.Context(), policy.Input{Request: r}); err == nil {
		t.Error("Decide succeeded: a rule that cannot be evaluated must not be a rule that does not apply")
	}
}

func TestWholeDecisionIsRead(t *testing.T) {
	e := newEngine(t, `package penstock
decision := {
	"allow": true,
	"warnings": {"b", "a"},
	"limits": {
		{"name": "team day", "scope": "team:search/model:gpt-5", "unit": "usd", "window": "day", "max": 0.000000001, "on_exceed": "warn"},
		{"name": "rate", "scope": "tag:usecase=support", "unit": "requests", "window": "5h", "max": 100, "on_exceed": "deny"},
		{"name": "at once", "scope": "key:x", "unit": "concurrent", "max": 3},
	},
	"obligations": {
		"max_output_tokens": 100, "allow_targets": ["openai/*"], "deny_targets": {"openai/o1"}, "route": "small", "model": "small", "data_classes": {"secret"}, "regions": ["eu", "ch"],
		"cache": {"mode": "force", "ttl_s": 60, "scope": "team:search"}, "tags": {"tier": "gold"}, "headers": {"x-tier": "gold"}, "log": "none",
	},
}`, policy.Options{})
	got := decide(t, e, policy.Input{Request: request("smart")})
	want := llm.Decision{Allow: true, Warnings: []string{"a", "b"}, Revision: got.Revision, Input: got.Input,
		Limits: []llm.Limit{
			{Name: "team day", Scope: "team:search/model:gpt-5", Unit: llm.UnitUSD, Window: "day", Max: 1, OnExceed: llm.ExceedWarn},
			{Name: "at once", Scope: "key:x", Unit: llm.UnitConcurrent, Max: 3},
			{Name: "rate", Scope: "tag:usecase=support", Unit: llm.UnitRequests, Window: "5h", Max: 100},
		},
		Obligations: llm.Obligations{MaxOutputTokens: 100, AllowTargets: []string{"openai/*"}, DenyTargets: []string{"openai/o1"}, Route: "small", Model: "small", DataClasses: []string{"secret"}, Regions: []string{"eu", "ch"},
			Cache: llm.CacheObligation{Mode: "force", TTLSeconds: 60, Scope: "team:search"}, Tags: map[string]string{"tier": "gold"}, Headers: map[string]string{"x-tier": "gold"}, Log: "none"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Decide differs (-want +got):\n%s", diff)
	}
}

// TestDecisionsKeepTheirInput checks that a decision has its input, fresh or remembered,
// unless it is too large.
func TestDecisionsKeepTheirInput(t *testing.T) {
	e := newEngine(t, "package penstock\ndecision := {\"allow\": true, \"warnings\": [sprintf(\"%d\", [count(u)]) | u := input.request.tags.usecase]}", policy.Options{})
	r := request("smart")
	r.Tags = map[string]string{"usecase": "<support>", "other": "unread"}
	for range 2 {
		got := decide(t, e, policy.Input{Request: r})
		var input any
		if err := json.Unmarshal(got.Input, &input); err != nil {
			t.Fatalf("input %q: %v", got.Input, err)
		}
		want := map[string]any{"key": map[string]any{}, "route": map[string]any{}, "request": map[string]any{"tags": map[string]any{"usecase": "<support>"}}}
		if diff := cmp.Diff(want, input); diff != "" {
			t.Errorf("input (-want +got):\n%s", diff)
		}
	}
	r.Tags["usecase"] = strings.Repeat("x", 17<<10)
	if got := decide(t, e, policy.Input{Request: r}); len(got.Warnings) != 1 || got.Input != nil {
		t.Errorf("Decide = %v with %d bytes of input, want a decision without any", got.Warnings, len(got.Input))
	}
}

func TestRefusalAlwaysHasAReason(t *testing.T) {
	for _, decision := range []string{`{"allow": false}`, `{"allow": true, "obligations": {"allow_targets": []}}`} {
		e := newEngine(t, byModel(decision), policy.Options{})
		v := decide(t, e, policy.Input{Request: request("odd")})
		if v.Allow || len(v.Reasons) != 1 || v.Reasons[0].Message == "" {
			t.Errorf("Decide with %s = %+v, want one reason against it", decision, v)
		}
	}
}
