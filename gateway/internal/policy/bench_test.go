package policy_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
)

// keyed is a request of a key with a budget and a list of models.
func keyed(model string) *llm.Request {
	r := request(model)
	r.Principal = llm.Principal{KeyID: "ab12cd34", Team: "search", Models: []string{"smart", "openai/*"},
		Budget: llm.Budget{Max: 5 * llm.USD, Window: "day"}}
	r.Tags = map[string]string{"usecase": "support", "env": "prod"}
	return r
}

func BenchmarkDecideMemoised(b *testing.B) {
	e := newEngine(b, "", policy.Options{})
	in := policy.Input{Request: keyed("smart")}
	b.ReportAllocs()
	for b.Loop() {
		if v := decide(b, e, in); !v.Allow {
			b.Fatal("denied")
		}
	}
}

func BenchmarkDecideFresh(b *testing.B) {
	e := newEngine(b, "", policy.Options{MemoBytes: -1})
	in := policy.Input{Request: keyed("openai/gpt-5")}
	b.ReportAllocs()
	for b.Loop() {
		if v := decide(b, e, in); !v.Allow {
			b.Fatal("denied")
		}
	}
}

// BenchmarkDecideWholeInput is the worst case of the memo: a policy that reads all.
func BenchmarkDecideWholeInput(b *testing.B) {
	e := newEngine(b, "package penstock\ndecision := {\"allow\": count(input) > 0}", policy.Options{})
	in := policy.Input{Request: keyed("smart"), Route: "smart"}
	for i := range 8 {
		in.Targets = append(in.Targets, &llm.Target{ID: fmt.Sprint("openai/", i), Provider: "openai", Price: llm.Price{Known: true, Input: llm.USD, Output: llm.USD}})
	}
	b.ReportAllocs()
	for b.Loop() {
		decide(b, e, in)
	}
}

// everyday is what a platform engineer sets: budgets, rates and models for teams, and a
// budget for each key.
func everyday() map[string]string {
	return map[string]string{
		"teams.yaml": `
defaults:
  budget: {month: {hard: 500, soft: 80%}}
  rpm: 600
  models: [smart, fast, "openai/*"]
teams:
  search: {budget: {day: 50, month: {hard: 800, soft: 80%}}}
  support: {concurrent: 32}
`,
		"limits.yaml": "keys: {defaults: {budget: {day: 20}}}\n",
	}
}

// oneRule is a folder with one rule beside the built-in policy.
const oneRule = `package penstock

limits contains {
	"name": sprintf("team %s per day", [input.key.team]),
	"scope": sprintf("team:%s", [input.key.team]),
	"unit": "usd",
	"window": "day",
	"max": data.budgets[input.key.team],
}
`

// BenchmarkFreshDecision measures a decision that is not remembered. cpu-ns/op is what counts
// on a busy machine.
func BenchmarkFreshDecision(b *testing.B) {
	folders := []struct {
		name  string
		files map[string]string
	}{
		{"one rule", map[string]string{"p.rego": oneRule, "data.json": `{"budgets": {"search": 50}}`}},
		{"default", everyday()},
		{"every setting", map[string]string{
			"teams.yaml": `
defaults: {hours: [{models: night, closed: 22:00-06:00}], max_output_tokens: 8000}
teams: {search: {budget: {day: 50, month: {hard: 800, soft: 80%}}, rpm: 600, tpm: 100000, concurrent: 32, models: [smart, "openai/*"], past_soft: {model: small}}}
`,
			"limits.yaml": `
everyone: {budget: {month: 20000}}
keys: {defaults: {budget: {day: 20}}}
users: {defaults: {budget: {month: 100}}}
tags: {usecase: {by_value: {support: {budget: {day: 20}}}}}
sessions: {defaults: {budget: {hard: 5, soft: 80%}, turns: 200}}
raises: [{team: search, window: month, add: 5, until: 2026-12-31}]
`,
			"models.yaml": "models: {smart: {budget: {day: 300}}}\ndata_classes: {personal: {regions: eu}}\n",
		}},
	}
	for _, f := range folders {
		b.Run(f.name, func(b *testing.B) {
			o := policy.Options{Timeout: time.Minute, MemoBytes: -1}
			if f.name == "every setting" { // the limits are remembered, and no minute is decided on twice
				o.MemoBytes = 0
			}
			e := settingsEngine(b, f.files, o)
			in := policy.Input{Request: keyed("smart"), Now: time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)}
			in.Request.Session = "run-7"
			decide(b, e, in)
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				in.Now = in.Now.Add(time.Minute)
				if v := decide(b, e, in); !v.Allow {
					b.Fatal("denied", v.Reasons)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// cpuTime returns the processor time of this process.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
