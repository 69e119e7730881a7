package policy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/policies"
)

// newReplayer makes a replayer of one Rego file. Its configuration has the key ab12cd34 and
// the routes smart and cheap.
func newReplayer(t *testing.T, rego string) *policy.Replayer {
	t.Helper()
	p, err := policy.NewReplayer(t.Context(), policy.ReplayOptions{
		Options: policy.Options{Source: policy.Source{FS: policies.FS, Files: map[string]string{"p.rego": rego}}},
		Principal: func(id string) (llm.Principal, bool) {
			return llm.Principal{KeyID: id, User: "ada", Roles: []string{"member"}, Budget: llm.Budget{Max: llm.USD, Window: "day"}}, id == "ab12cd34"
		},
		Route: func(model string) (*llm.Route, bool) {
			target := &llm.Target{ID: "p/" + model, Provider: "p", Region: "eu", Price: llm.Price{Known: true, Input: llm.USD}}
			return &llm.Route{Name: model, Targets: []*llm.Target{target}}, model == "smart" || model == "cheap"
		}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// recordOf is a request of team search whose policy read these parts of the input.
func recordOf(input string, change func(*llm.Record)) *llm.Record {
	r := &llm.Record{ID: "req_1", Time: time.Date(2026, 11, 29, 23, 30, 0, 0, time.UTC), Endpoint: llm.ChatCompletions, Model: "smart", Route: "smart",
		KeyID: "ab12cd34", KeyName: "bot", Team: "search", Tags: map[string]string{"usecase": "chat"},
		Decision: &llm.Decision{Allow: true, Revision: "then", Input: json.RawMessage(input)}}
	if change != nil {
		change(r)
	}
	return r
}

func codes(v *llm.Decision) string {
	var all []string
	for _, r := range v.Reasons {
		all = append(all, r.Code)
	}
	return strings.Join(all, " ")
}

// What the policy of then did not read comes from the record, the key and the route.
func TestReplayerCompletesInputs(t *testing.T) {
	ranked := func(r *llm.Record) {
		r.Ranking = &llm.Ranking{Order: []int{0}, Input: llm.RouterInput{Route: "d", EstInput: 900, MaxOutput: 50, Features: []string{"tools"}}}
	}
	for _, c := range []struct {
		condition, input string
		change           func(*llm.Record)
	}{
		{`input.key.team == "search"`, `{}`, nil},
		{`input.key.user == "ada"`, `{}`, nil},
		{`"member" in input.key.roles`, `{}`, nil},
		{`input.key.budget.window == "day"`, `{}`, nil},
		{`input.key.budget.max == 2.5`, `{"key":{"budget":{"max":2.5,"window":"month"}}}`, nil},
		{`"admin" in input.key.roles`, `{"key":{"roles":["admin"]}}`, nil},
		{`input.request.endpoint == "chat.completions"; input.request.dialect == "openai"`, `{}`, nil},
		{`input.request.tags.usecase == "chat"`, `{}`, nil},
		{`input.time.weekday == "Sunday"; input.time.minute_of_day == 1410`, `{}`, nil},
		{`input.time.minute_of_day == 61`, `{"time":{"unix_minute":61}}`, nil},
		{`input.request.max_tokens == 50; input.request.est_input_tokens == 900; "tools" in input.request.features`, `{}`, ranked},
		{`input.request.max_tokens == 7`, `{"request":{"max_tokens":7}}`, nil},
		{`input.request.est_cost_usd_micro == 12`, `{"request":{"est_cost_usd_micro":12}}`, nil},
		{`input.request.ip == "192.0.2.7"`, `{"request":{"ip":"192.0.2.7"}}`, nil},
		{`input.request.session == "run-7"`, `{}`, func(r *llm.Record) { r.Session = "run-7" }},
		{`not input.request.session`, `{}`, nil},
		{`input.request.metadata.a == "b"`, `{"request":{"metadata":{"a":"b"}}}`, func(r *llm.Record) { r.Tags = nil }},
		{`input.request.data_classes == []`, `{}`, nil},
		{`input.route.name == "smart"; some t in input.route.targets; t.region == "eu"`, `{}`, nil},
		{`some t in input.route.targets; t.id == "p/old"; t.price_in == 3000000`, `{"route":{"targets":[{"id":"p/old","provider":"p","price_in":3000000,"price_out":1}]}}`, nil},
		{`input.usage["key:ab12cd34"].day.usd == 0`, `{}`, nil}, // a limit that the record does not have
		{`input.usage["team:search"].day.usd == 80`, `{"usage":{"team:search":{"day":{"usd":80}}}}`, nil},
		{`input.usage["team:search"].day.usd == 40`, `{}`, func(r *llm.Record) {
			l := llm.Limit{Name: "n", Scope: "team:search", Unit: llm.UnitUSD, Window: "day", Max: 10 * int64(llm.USD)}
			r.Decision.Limits, r.Limits = []llm.Limit{l}, []llm.LimitState{{Limit: l, Before: 4 * int64(llm.USD)}}
		}},
		{`count(input.key.roles) == 0; not input.key.user`, `{}`, func(r *llm.Record) { r.KeyID, r.Team = "", "" }},
	} {
		p := newReplayer(t, "package penstock\n\ndeny contains {\"code\": \"met\", \"message\": \"m\"} if {\n\t"+strings.ReplaceAll(c.condition, "; ", "\n\t")+"\n}\n")
		got, err := p.Decide(t.Context(), recordOf(c.input, c.change))
		if err != nil || got.After.Allow || codes(&got.After) != "met" {
			t.Errorf("%s with %s: %+v, %v", c.condition, c.input, got, err)
		}
	}
}

// A larger limit is less used by what was spent then.
func TestReplayerScalesUsage(t *testing.T) {
	const limit = `
limits contains {"name": "n", "scope": "team:search", "unit": "usd", "window": "day", "max": 20}
warnings contains sprintf("%d", [input.usage["team:search"].day.usd])
`
	r := recordOf(`{"usage":{"team:search":{"day":{"usd":80}}}}`, func(r *llm.Record) {
		r.Decision.Limits = []llm.Limit{{Name: "n", Scope: "team:search", Unit: llm.UnitUSD, Window: "day", Max: 10 * int64(llm.USD)}}
	})
	got, err := newReplayer(t, "package penstock\n"+limit).Decide(t.Context(), r)
	if err != nil || cmp.Diff([]string{"40"}, got.After.Warnings) != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// Records without what a policy reads are skipped with the reason.
func TestReplayerSkips(t *testing.T) {
	for _, c := range []struct {
		rule, input, why string
		change           func(*llm.Record)
	}{
		{`input.request.ip == "x"`, `{}`, "input.request.ip", nil},
		{`input.request.est_cost_usd_micro > 1`, `{}`, "input.request.est_cost_usd_micro", nil},
		{`input.key.roles == []`, `{}`, "input.key.roles", func(r *llm.Record) { r.KeyID = "gone" }},
		{`input.request.max_tokens == 1`, `{}`, "input.request.max_tokens", nil},
		{`input.request.metadata.usecase == "x"`, `{}`, `input.request.metadata["usecase"]`, nil},
		{`count(input.route.targets) == 1`, `{}`, "input.route.targets", func(r *llm.Record) { r.Route = "gone" }},
		{`input.request.model == "x"`, `{"v":2}`, "version 2", nil},
		{`input.request.model == "x"`, `{"later":2}`, "another version", nil},
		{`input.request.model == "x"`, ``, "not kept", func(r *llm.Record) { r.Decision.Input = nil }},
		{`input.request.model == "x"`, ``, "log: none", func(r *llm.Record) {
			r.Decision.Input, r.Decision.Obligations.Log = nil, llm.LogNone
		}},
		{`input.request.model == "x"`, ``, "without a decision", func(r *llm.Record) { r.Decision = nil }},
		{`input.request.model == "x"`, ``, "a copy", func(r *llm.Record) { r.MirrorOf = "req_0" }},
		{`input.usage.all.day.usd > 1`, `{}`, "input.usage", func(r *llm.Record) {
			r.Decision.Limits = []llm.Limit{{Name: "n", Scope: "all", Unit: llm.UnitUSD, Window: "day", Max: 1}}
		}},
	} {
		p := newReplayer(t, "package penstock\n\ndeny contains {\"code\": \"c\", \"message\": \"m\"} if "+c.rule+"\n")
		_, err := p.Decide(t.Context(), recordOf(c.input, c.change))
		if why := new(policy.NotReplayable); !errors.As(err, &why) || !strings.Contains(why.Why, c.why) {
			t.Errorf("%s: %v, want %q", c.rule, err, c.why)
		}
	}
}

// A request that is sent on is decided about twice, as in the gateway.
func TestReplayerDecidesAgain(t *testing.T) {
	const onward = `package penstock

obligations.model := "cheap" if input.request.model == "smart"

deny contains {"code": "cheap", "message": "m"} if {
	input.request.model == "cheap"
	input.key.team == "search"
}
`
	got, err := newReplayer(t, onward).Decide(t.Context(), recordOf(`{}`, nil))
	if err != nil || codes(&got.After) != "cheap" {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = newReplayer(t, strings.ReplaceAll(onward, `:= "cheap"`, `:= "gone"`)).Decide(t.Context(), recordOf(`{}`, nil))
	if why := new(policy.NotReplayable); !errors.As(err, &why) {
		t.Errorf("to a model that is gone: %v", err)
	}
}

// A policy that cannot decide denies.
func TestReplayerDeniesWithoutDecision(t *testing.T) {
	got, err := newReplayer(t, "package penstock\n\nobligations.max_output_tokens := input.request.model if input.request.model == \"odd\"\n").
		Decide(t.Context(), recordOf(`{}`, func(r *llm.Record) { r.Model = "odd" }))
	if err != nil || got.After.Allow || codes(&got.After) != string(llm.CodePolicyFault) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Every part of a decision is named with its rule, however it is written.
func TestExplainNamesRules(t *testing.T) {
	for name, c := range map[string]struct{ rego, want string }{
		"sets and objects": {`package penstock

limits contains {"name": "a", "scope": sprintf("team:%s", [input.key.team]), "unit": "requests", "window": "day", "max": 5}

limits contains {"name": "b", "scope": "all", "unit": "requests", "window": "day", "max": 5}

obligations["max_output_tokens"] := 10

obligations.cache.mode := "bypass"

warnings contains msg if msg := sprintf("hello %s", [input.key.team])
`, "limit a 3, limit b 5, obligation cache 9, obligation max_output_tokens 7, warning hello search 11"},
		"complete rules": {`package penstock

decision := {"allow": true, "limits": all_limits, "obligations": duties}

all_limits := [l | some l in [{"name": "a", "scope": "all", "unit": "requests", "window": "day", "max": 5}]]

duties := {"model": "cheap"} if input.request.model == "smart"

else := {}
`, "limit a 5, obligation model 7"},
	} {
		e, err := policy.Eval(t.Context(), policy.Source{FS: policies.FS, Files: map[string]string{"p.rego": c.rego}}, []byte(`{"key":{"team":"search"},"request":{"model":"smart"}}`), policy.EvalOptions{Trace: true})
		if err != nil || e.Err != nil {
			t.Fatal(err, e.Err)
		}
		got := map[string]bool{}
		for _, r := range e.Decision.Rules {
			got[fmt.Sprintf("%s %s %s", r.Part, r.Name, strings.TrimPrefix(r.Rule, "p.rego:"))] = true
		}
		want := map[string]bool{}
		for _, w := range strings.Split(c.want, ", ") {
			want[w] = true
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// Two rules with one code are told apart by what they say.
func TestExplainTellsReasonsApart(t *testing.T) {
	const rego = `package penstock

deny contains {"code": "c", "message": "one"} if input.request.model == "smart"

deny contains {"code": "c", "message": "two"} if input.request.model == "cheap"
`
	p := newReplayer(t, rego)
	got, err := p.Decide(t.Context(), recordOf(`{}`, func(r *llm.Record) { r.Model = "cheap" }))
	if err != nil || p.Explain(t.Context(), got) != nil || got.After.Reasons[0].Rule != "p.rego:5" {
		t.Errorf("%+v, %v", got, err)
	}
}

// Files in memory are checked like those of a folder.
func TestFilesInMemory(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"../p.rego":       {"../p.rego": "package penstock"},
		"p.txt":           {"p.txt": "x"},
		"no .rego file":   {"data.json": "{}"},
		"p.rego:2":        {"p.rego": "package penstock\nallow := input.request.modle"},
		"p_test.rego:2:1": {"p.rego": "package penstock\nwarnings contains \"x\"", "p_test.rego": "package penstock\ntest_a if false"},
	} {
		err := policy.Check(t.Context(), policy.Source{FS: policies.FS, Files: files})
		if faults := (policy.Faults{}); !errors.As(err, &faults) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
