package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
)

// byModel decides by the model's name, so that a policy passes its rehearsal and still
// misbehaves for one model.
func byModel(decision string) string {
	return "package penstock\ndecision := {\"allow\": true} if input.request.model != \"odd\"\ndecision := " + decision + " if input.request.model == \"odd\"\n"
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
		{limit(`"max": 1, "on_exceed": "log"`), `on_exceed: "log" is none of [deny warn]`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "eur", "window": "day", "max": 1}]}`, `unit: "eur" is none of`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "", "unit": "usd", "window": "day", "max": 1}]}`, "scope: must not be empty"},
		{`{"allow": true, "limits": [{"name": "n", "scope": "a\nb", "unit": "usd", "window": "day", "max": 1}]}`, "control characters"},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "window": "fortnight", "max": 1}]}`, `invalid window "fortnight"`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "window": "0h", "max": 1}]}`, `invalid window "0h"`},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "usd", "max": 1}]}`, "window: missing"},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "concurrent", "window": "1m", "max": 1}]}`, "a limit on concurrent requests has none"},
		{`{"allow": true, "limits": [{"name": "n", "scope": "s", "unit": "requests", "window": "1m", "max": 1.5}]}`, "max: must be a whole number"},
		{`{"allow": true, "limits": [{"scope": "s", "unit": "requests", "window": "1m", "max": 1}]}`, "name: missing"},
		{`{"allow": true, "limits": {"a": 1}}`, "decision.limits: must be an array or a set, not object"},
		{`{"allow": true, "obligations": {"max_tokens": 5}}`, "decision.obligations.max_tokens: unknown"},
		{`{"allow": true, "obligations": {"max_output_tokens": 0}}`, "must be a whole number from 1"},
		{`{"allow": true, "obligations": {"log": "some"}}`, "none of [none metadata full]"},
		{`{"allow": true, "obligations": {"cache": {"mode": "off"}}}`, "none of [default bypass force]"},
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
			t.Errorf("message %q tells the caller about the policy's inside", got.Message)
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
		"max_output_tokens": 100, "allow_targets": ["openai/*"], "deny_targets": {"openai/o1"}, "route": "cheap", "model": "small",
		"cache": {"mode": "force", "ttl_s": 60, "scope": "team:search"}, "tags": {"tier": "gold"}, "headers": {"x-tier": "gold"}, "log": "none",
	},
}`, policy.Options{})
	got := decide(t, e, policy.Input{Request: request("smart")})
	want := llm.Decision{Allow: true, Warnings: []string{"a", "b"}, Revision: got.Revision, Input: got.Input,
		Limits: []llm.Limit{
			{Name: "team day", Scope: "team:search/model:gpt-5", Unit: llm.UnitUSD, Window: "day", Max: 1, Warn: true},
			{Name: "at once", Scope: "key:x", Unit: llm.UnitConcurrent, Max: 3},
			{Name: "rate", Scope: "tag:usecase=support", Unit: llm.UnitRequests, Window: "5h", Max: 100},
		},
		Obligations: llm.Obligations{MaxOutputTokens: 100, AllowTargets: []string{"openai/*"}, DenyTargets: []string{"openai/o1"}, Route: "cheap", Model: "small",
			Cache: llm.CacheDuty{Mode: "force", TTLSeconds: 60, Scope: "team:search"}, Tags: map[string]string{"tier": "gold"}, Headers: map[string]string{"x-tier": "gold"}, Log: "none"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Decide differs (-want +got):\n%s", diff)
	}
}

// TestDecisionsKeepTheirInput checks that a decision holds what it was made from: what the
// policy reads, made afresh or from memory, and nothing that is too large.
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

const burner = `package penstock
decision := {"allow": true} if input.request.model != "odd"
decision := {"allow": true} if {
	input.request.model == "odd"
	count([1 | some a in numbers.range(1, 20000); some b in numbers.range(1, 20000); a == b]) > 0
}`

func TestLongEvaluationIsCutOff(t *testing.T) {
	e := newEngine(t, burner, policy.Options{Timeout: 5 * time.Millisecond})
	_, err := e.Decide(t.Context(), policy.Input{Request: request("odd")})
	got := policyError(t, err)
	if got.HTTPStatus() != 503 || got.RetryAfter == 0 || !strings.Contains(got.Err.Error(), "time limit of 50ms") {
		t.Errorf("Decide = %v (%d, retry after %v), want 503 and when to retry", err, got.HTTPStatus(), got.RetryAfter)
	}
}

func TestCallerWhoLeavesEndsTheEvaluation(t *testing.T) {
	e := newEngine(t, burner, policy.Options{Timeout: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	_, err := e.Decide(ctx, policy.Input{Request: request("odd")})
	if got := policyError(t, err); !errors.Is(err, context.DeadlineExceeded) || got.Fault != llm.FaultCanceled {
		t.Errorf("Decide = %v, want the context's error, as canceled", err)
	}
}

func TestOversizedInputIsRefused(t *testing.T) {
	e := newEngine(t, "package penstock\ndecision := {\"allow\": input.request.metadata != {}}", policy.Options{})
	r := request("smart")
	r.Facts.Metadata = map[string]string{"note": strings.Repeat("x", 65<<10)}
	_, err := e.Decide(t.Context(), policy.Input{Request: r})
	if got := policyError(t, err); got.HTTPStatus() != 413 {
		t.Errorf("Decide = %v (%d), want 413", err, got.HTTPStatus())
	}
}

func TestTimeIsTheZonesOwnToTheMinute(t *testing.T) {
	zone := time.FixedZone("two hours ahead", 2*3600)
	e := newEngine(t, `package penstock
decision := {"allow": true, "warnings": [sprintf("%s %s %d %d", [input.time.date, input.time.weekday, input.time.minute_of_day, input.time.unix_minute])]}`, policy.Options{Location: zone})
	at := time.Date(2026, 11, 22, 23, 50, 0, 0, time.UTC)
	v := decide(t, e, policy.Input{Request: request("smart"), Now: at})
	if want := fmt.Sprintf("2026-11-23 Monday 110 %d", at.Unix()/60); v.Warnings[0] != want {
		t.Errorf("time is %q, want %q", v.Warnings[0], want)
	}
	if v := decide(t, e, policy.Input{Request: request("smart"), Now: at.Add(59 * time.Second)}); !v.Memoised {
		t.Error("a request in the same minute was decided afresh")
	}
	if v := decide(t, e, policy.Input{Request: request("smart"), Now: at.Add(time.Minute)}); v.Memoised {
		t.Error("a request in the next minute was answered from memory")
	}
}

const softLimit = `package penstock
decision := {"allow": true, "limits": limits, "obligations": {name: v | some name, v in duties}, "warnings": warnings}
default scope := "team:none"
scope := sprintf("team:%s", [input.key.team])
limits := [{"name": "team day", "scope": scope, "unit": "usd", "window": "day", "max": 10, "on_exceed": "warn"},
	{"name": "team day", "scope": scope, "unit": "usd", "window": "day", "max": 20}]
duties.model := "small" if input.usage[scope].day.usd >= 80
default warnings := []
warnings := [sprintf("%d%%", [input.usage[scope].day.usd])]`

func TestUsageIsAskedForTheLimitsNamed(t *testing.T) {
	percent, asked := 79, [][]llm.Limit{}
	e := newEngine(t, softLimit, policy.Options{Usage: func(limits []llm.Limit) []int {
		asked = append(asked, limits)
		return []int{percent}
	}})
	r := request("smart")
	r.Principal.Team = "search"
	if v := decide(t, e, policy.Input{Request: r}); v.Obligations.Model != "" || len(v.Warnings) != 1 || v.Warnings[0] != "79%" {
		t.Errorf("first decision = %+v, want one that knows the usage of 79%%", v)
	}
	percent = 80
	if v := decide(t, e, policy.Input{Request: r}); v.Obligations.Model != "small" || v.Memoised {
		t.Errorf("at 80%% = %+v, want the small model", v)
	}
	if v := decide(t, e, policy.Input{Request: r}); v.Obligations.Model != "small" || !v.Memoised {
		t.Errorf("at 80%% again = %+v, want it from memory", v)
	}
	want := []llm.Limit{{Name: "team day", Scope: "team:search", Unit: llm.UnitUSD, Window: "day", Max: int64(20 * llm.USD)}}
	for _, limits := range asked {
		if diff := cmp.Diff(want, limits); diff != "" {
			t.Errorf("usage was asked for other limits than the one that denies (-want +got):\n%s", diff)
		}
	}
	if len(asked) != 3 {
		t.Errorf("usage was asked for %d times, want once for each request", len(asked))
	}
}

func TestUsageIsNotAskedForWhenThePolicyDoesNotRead(t *testing.T) {
	e := newEngine(t, "", policy.Options{Usage: func([]llm.Limit) []int { t.Error("usage was asked for"); return nil }})
	decide(t, e, policy.Input{Request: keyed("smart")})
	decide(t, e, policy.Input{Request: keyed("smart")})
}

func TestUsageOfOneKindOfRequestSurvivesItsNoise(t *testing.T) {
	e := newEngine(t, `package penstock
decision := {"allow": input.request.est_input_tokens < 1000, "limits": [{"name": "n", "scope": "all", "unit": "tokens", "window": "day", "max": 5}], "warnings": w}
w := [sprintf("%d", [p]) | p := input.usage.all.day.tokens]`, policy.Options{Usage: func([]llm.Limit) []int { return []int{42} }})
	for i := range int64(3) {
		r := request("smart")
		r.Facts.EstInputTokens = i
		if v := decide(t, e, policy.Input{Request: r}); !cmp.Equal(v.Warnings, []string{"42"}) {
			t.Errorf("request %d saw usage %v, want 42", i, v.Warnings)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	e := newEngine(t, "", policy.Options{MemoBytes: 64 << 10})
	for i := range 2000 {
		decide(t, e, policy.Input{Request: request(fmt.Sprint("model-", i))})
	}
	if n := e.Status().Remembered; n == 0 || n > 128 {
		t.Errorf("%d decisions are remembered in 64 KiB, want some, at most 128", n)
	}
}

func TestMemoryCanBeOff(t *testing.T) {
	e := newEngine(t, "", policy.Options{MemoBytes: -1})
	for range 2 {
		if v := decide(t, e, policy.Input{Request: request("smart")}); v.Memoised {
			t.Error("a decision came from memory")
		}
	}
}

func TestMemoisedDecisionAllocatesNothing(t *testing.T) {
	e := newEngine(t, "", policy.Options{})
	in, ctx := policy.Input{Request: keyed("smart")}, t.Context()
	got := testing.AllocsPerRun(100, func() {
		if _, err := e.Decide(ctx, in); err != nil {
			t.Fatal(err)
		}
	})
	if got > 0 && !raceEnabled {
		t.Errorf("a memoised decision allocates %v times, want 0", got)
	}
}

// TestHammerDecide is for the race detector: no request may see another one's decision.
func TestHammerDecide(t *testing.T) {
	text := func(i int) string {
		return fmt.Sprintf("package penstock\ndecision := {\"allow\": true, \"warnings\": [\"%d\", input.request.model, w], \"limits\": [{\"name\": \"n\", \"scope\": input.request.model, \"unit\": \"usd\", \"window\": \"day\", \"max\": 5}]}\nw := \"%d\" if not input.usage.x", i, i)
	}
	dir := folder(t, map[string]string{"p.rego": text(0)})
	e, err := policy.New(t.Context(), policy.Options{Source: source(dir), MemoBytes: 64 << 10, Log: slog.New(slog.DiscardHandler), Timeout: time.Minute,
		Usage: func(limits []llm.Limit) []int { return make([]int, len(limits)) }})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				model := fmt.Sprint("model-", i%150)
				v, err := e.Decide(context.Background(), policy.Input{Request: request(model)})
				if err != nil || v.Warnings[0] != v.Warnings[2] || v.Warnings[1] != model {
					t.Errorf("Decide = %+v, %v: a mixture", v, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
