package ledger

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/penstock/penstock/gateway/internal/llm"
	"pgregory.net/rapid"
)

func TestSpend(t *testing.T) {
	l := openTest(t, Options{})
	day := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for i, change := range []func(*llm.Record){
		func(r *llm.Record) { r.Cost, r.PromptSaved = 1_000_000_001, 1_500_000_000 },
		func(r *llm.Record) {
			r.Cost, r.PromptSaved, r.Team, r.Tags = 2_000_000_000, -250_000_000, "ops", map[string]string{"usecase": "chat"}
		},
		func(r *llm.Record) { r.Model, r.Target, r.Price, r.Cost = "local", "local/llama", llm.Price{}, 0 },
		func(r *llm.Record) { r.Cache, r.Saved, r.Cost, r.Usage = "hit", 5_000_000, 0, llm.Usage{} },
		func(r *llm.Record) { // denied: it cost nothing, which is known
			r.Target, r.Provider, r.Price, r.Cost, r.Usage = "", "", llm.Price{}, 0, llm.Usage{}
			r.Status, r.Code, r.Tags, r.Team = 429, llm.CodeBudget, nil, ""
		},
		func(r *llm.Record) { r.Time, r.Cost, r.User = day.AddDate(0, 0, 1), 7, "bob" },
	} {
		r := record(fmt.Sprint(i))
		r.Time = day
		change(r)
		mustWrite(t, l, r)
	}
	cases := []struct {
		name  string
		query Query
		want  string
	}{
		{"one sum", Query{}, `{"rows":[{"requests":6,"errors":1,"input_tokens":4800,"output_tokens":1240,"cost_usd":3.000000008,"unpriced_requests":1,"estimated_requests":0,"estimated_cost_usd":0,"cache_hits":1,"saved_usd":0.005,"prompt_cache_saved_usd":1.25}],
			"total":{"requests":6,"errors":1,"input_tokens":4800,"output_tokens":1240,"cost_usd":3.000000008,"unpriced_requests":1,"estimated_requests":0,"estimated_cost_usd":0,"cache_hits":1,"saved_usd":0.005,"prompt_cache_saved_usd":1.25}}`},
		{"by team and tag", Query{By: []string{"team", "tag:usecase"}, Until: day.Add(time.Hour)}, `{"rows":[
			{"team":"ops","tag:usecase":"chat","requests":1,"errors":0,"input_tokens":1200,"output_tokens":310,"cost_usd":2,"unpriced_requests":0,"estimated_requests":0,"estimated_cost_usd":0,"cache_hits":0,"saved_usd":0,"prompt_cache_saved_usd":-0.25},
			{"team":"search","tag:usecase":"support","requests":3,"errors":0,"input_tokens":2400,"output_tokens":620,"cost_usd":1.000000001,"unpriced_requests":1,"estimated_requests":0,"estimated_cost_usd":0,"cache_hits":1,"saved_usd":0.005,"prompt_cache_saved_usd":1.5},
			{"team":"","tag:usecase":"","requests":1,"errors":1,"input_tokens":0,"output_tokens":0,"cost_usd":0,"unpriced_requests":0,"estimated_requests":0,"estimated_cost_usd":0,"cache_hits":0,"saved_usd":0,"prompt_cache_saved_usd":0}],
			"total":{"requests":5,"errors":1,"input_tokens":3600,"output_tokens":930,"cost_usd":3.000000001,"unpriced_requests":1,"estimated_requests":0,"estimated_cost_usd":0,"cache_hits":1,"saved_usd":0.005,"prompt_cache_saved_usd":1.25}}`},
		{"where", Query{By: []string{"model"}, Where: map[string]string{"user": "bob", "tag:usecase": "support", "day": "2026-11-23"}}, `{"rows":[
			{"model":"smart","requests":1,"errors":0,"input_tokens":1200,"output_tokens":310,"cost_usd":0.000000007,"unpriced_requests":0,"estimated_requests":0,"estimated_cost_usd":0,"cache_hits":0,"saved_usd":0,"prompt_cache_saved_usd":0}],
			"total":{"requests":1,"errors":0,"input_tokens":1200,"output_tokens":310,"cost_usd":0.000000007,"unpriced_requests":0,"estimated_requests":0,"estimated_cost_usd":0,"cache_hits":0,"saved_usd":0,"prompt_cache_saved_usd":0}}`},
		{"limit keeps the total", Query{By: []string{"hour"}, Limit: 1, Since: day}, `{"rows":[
			{"hour":"2026-11-22T10:00Z","requests":5,"errors":1,"input_tokens":3600,"output_tokens":930,"cost_usd":3.000000001,"unpriced_requests":1,"estimated_requests":0,"estimated_cost_usd":0,"cache_hits":1,"saved_usd":0.005,"prompt_cache_saved_usd":1.25}],
			"total":{"requests":6,"errors":1,"input_tokens":4800,"output_tokens":1240,"cost_usd":3.000000008,"unpriced_requests":1,"estimated_requests":0,"estimated_cost_usd":0,"cache_hits":1,"saved_usd":0.005,"prompt_cache_saved_usd":1.25}}`},
		{"nothing", Query{By: []string{"model"}, Since: day.AddDate(1, 0, 0)}, `{"rows":[],"total":{"requests":0,"errors":0,"input_tokens":0,"output_tokens":0,"cost_usd":0,"unpriced_requests":0,"estimated_requests":0,"estimated_cost_usd":0,"cache_hits":0,"saved_usd":0,"prompt_cache_saved_usd":0}}`},
		{"nothing, one sum", Query{Since: day.AddDate(1, 0, 0)}, `{"rows":[],"total":{"requests":0,"errors":0,"input_tokens":0,"output_tokens":0,"cost_usd":0,"unpriced_requests":0,"estimated_requests":0,"estimated_cost_usd":0,"cache_hits":0,"saved_usd":0,"prompt_cache_saved_usd":0}}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			report, err := l.Spend(t.Context(), c.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(report)
			if err != nil {
				t.Fatal(err)
			}
			var want []byte
			if want, err = json.Marshal(json.RawMessage(c.want)); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(got)); d != "" {
				t.Errorf("Spend (-want +got):\n%s", d)
			}
		})
	}
}

func TestSpendByEveryDimension(t *testing.T) {
	l := openTest(t, Options{})
	mustWrite(t, l, record("x"))
	for name, want := range map[string]string{"model": "smart", "target": "openai/gpt-5", "provider": "openai", "team": "search",
		"key": "abcdefgh", "user": "alice", "route": "smart", "status": "200", "day": "2026-11-22", "hour": "2026-11-22T10:00Z"} {
		report, err := l.Spend(t.Context(), Query{By: []string{name}, Where: map[string]string{name: want}})
		if err != nil || len(report.Rows) != 1 || report.Rows[0].Values[0] != want {
			t.Errorf("Spend by %s = %+v, %v, want one row of %q", name, report.Rows, err, want)
		}
	}
}

func TestSpendRefusesUnknownDimensions(t *testing.T) {
	l := openTest(t, Options{})
	for _, q := range []Query{{By: []string{"cost"}}, {By: []string{"model; DROP TABLE requests"}}, {By: []string{"tag:"}},
		{Where: map[string]string{"1=1 OR model": "x"}}, {By: []string{"model", "model"}}, {By: make([]string, 9)}} {
		if _, err := l.Spend(t.Context(), q); llm.AsError(err).Status != 400 {
			t.Errorf("Spend(%+v) = %v, want status 400", q, err)
		}
	}
}

// Tags are free text: any name and value is found, and nothing else.
func TestSpendByAnyTag(t *testing.T) {
	l := openTest(t, Options{})
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		name := rapid.OneOf(rapid.StringN(1, 20, -1), rapid.SampledFrom([]string{`"`, `'`, `a"b`, `$.a`, `a.b`, `[0]`, `\`, `x' OR '1'='1`})).Draw(t, "name")
		value, user := rapid.String().Draw(t, "value"), fmt.Sprint(n)
		r := record(fmt.Sprint(n), func(r *llm.Record) {
			r.User, r.Tags = user, map[string]string{name: value, "other": "tag"}
		})
		if err := l.Write(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		report, err := l.Spend(t.Context(), Query{By: []string{"tag:" + name}, Where: map[string]string{"user": user}})
		if err != nil {
			t.Fatal(err)
		}
		if want := r.Tags[name]; len(report.Rows) != 1 || report.Rows[0].Values[0] != want {
			t.Fatalf("Spend by tag %q = %+v, want %q", name, report.Rows, want)
		}
	})
}

// TestSpendOfSharedReplies has a request of each state of the cache. All that was saved counts,
// and as a hit counts what no target was asked for.
func TestSpendOfSharedReplies(t *testing.T) {
	l := openTest(t, Options{})
	for i, state := range []llm.CacheState{llm.CacheHit, llm.CacheCoalesced, llm.CacheSimilar, llm.CachePartial, llm.CacheMiss, llm.CacheOff} {
		r := record(fmt.Sprint(i))
		r.Cache, r.Saved, r.Cost, r.Usage = state, llm.NanoUSD(1)<<i, 0, llm.Usage{}
		switch state {
		case llm.CachePartial:
			r.Cost, r.Usage = 100, llm.Usage{Input: 3}
		case llm.CacheMiss, llm.CacheOff:
			r.Saved, r.Cost, r.Usage = 0, 100, llm.Usage{Input: 3}
		}
		mustWrite(t, l, r)
	}
	spent, err := l.Spend(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	if s := spent.Total; s.Requests != 6 || s.CacheHits != 3 || s.Saved != 1+2+4+8 || s.Cost != 300 || s.InputTokens != 9 {
		t.Errorf("%+v, want 3 hits, 15 nano-dollars saved and 300 spent", s)
	}
}
