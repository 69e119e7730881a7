package policy_test

import (
	"fmt"
	"testing"

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
