package routes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// oneCondition are routes of a model with one condition, which leads to the model cheap.
func oneCondition(t *testing.T, cond string) *Routes {
	t.Helper()
	return routesOf(t, "models:\n  smart: {when: [{if: "+cond+", use: cheap}], targets: [demo/demo]}\n  cheap: {targets: [demo/demo-fast]}")
}

// found is the name of a request's route, and the steps to it.
func found(t *testing.T, r *Routes, req *llm.Request) (string, []llm.Choice) {
	t.Helper()
	route, steps, err := r.Find(req)
	if err != nil {
		t.Fatal(err)
	}
	return route.Name, steps
}

// TestConditions asks for one thing at a time, of a request for which it is true and of one for
// which it is not.
func TestConditions(t *testing.T) {
	yes := llm.Request{Endpoint: llm.ChatCompletions, Dialect: llm.Anthropic, Tags: map[string]string{"usecase": "faq", "env": "prod-eu"},
		Principal: llm.Principal{KeyID: "ab12", Name: "bot", Team: "search", User: "ann"}, Demands: llm.Demands{Classes: []string{"secret", "internal"}},
		Facts: llm.Facts{Stream: true, EstInputTokens: 50_000, Features: llm.Tools | llm.Vision, Metadata: map[string]string{"job": "nightly"}}}
	no := llm.Request{Endpoint: llm.Embeddings, Dialect: llm.OpenAI, Tags: map[string]string{"usecase": "other"},
		Facts: llm.Facts{EstInputTokens: 2_000, Features: llm.Tools, User: "bob"}}
	for cond, why := range map[string]string{
		`{tags: {usecase: [support, faq]}}`:         "tag usecase is support or faq",
		`{tags: {env: prod-*}}`:                     "tag env is prod-*",
		`{tags: {env: "*"}}`:                        "tag env is *",
		`{metadata: {job: nightly}}`:                "metadata job is nightly",
		`{team: search}`:                            "team is search",
		`{team: "*"}`:                               "team is *",
		`{user: [ann, eve]}`:                        "user is ann or eve",
		`{key: bot}`:                                "key is bot",
		`{key: ab12}`:                               "key is ab12",
		`{features: [vision]}`:                      "needs vision",
		`{features: [tools, vision]}`:               "needs tools and vision",
		`{input_tokens: ">2000"}`:                   "input tokens >2000",
		`{input_tokens: ">= 2001"}`:                 "input tokens >= 2001",
		`{input_tokens: "50000..50000"}`:            "input tokens 50000..50000",
		`{stream: true}`:                            "stream is true",
		`{endpoint: chat.completions}`:              "endpoint is chat.completions",
		`{dialect: [gemini, anthropic]}`:            "dialect is gemini or anthropic",
		`{data_class: [SECRET, x]}`:                 "data class is SECRET or x",
		`{team: search, tags: {env: prod-eu}}`:      "tag env is prod-eu, team is search",
		`{stream: true, input_tokens: "<=50000"}`:   "input tokens <=50000, stream is true",
		`{endpoint: [completions, embeddings]}`:     "!endpoint is completions or embeddings",
		`{input_tokens: "<50000"}`:                  "!input tokens <50000",
		`{stream: false}`:                           "!stream is false",
		`{user: bob}`:                               "!user is bob",
		`{tags: {usecase: other}, dialect: openai}`: "!tag usecase is other, dialect is openai",
	} {
		r := oneCondition(t, cond)
		holds, fails := yes, no
		why, turned := strings.CutPrefix(why, "!")
		if turned {
			holds, fails = no, yes
		}
		holds.Facts.Model, fails.Facts.Model = "smart", "smart"
		name, steps := found(t, r, &holds)
		if want := []llm.Choice{{Model: "smart", Use: "cheap", By: "when[0]", Line: 2, Why: why}}; name != "cheap" || !slices.Equal(steps, want) {
			t.Errorf("%s leads to %s by %+v, want cheap by %+v", cond, name, steps, want)
		}
		if name, steps := found(t, r, &fails); name != "smart" || steps != nil {
			t.Errorf("%s: a request of which it is not true goes to %s by %+v", cond, name, steps)
		}
		holds.Facts.Model = "cheap"
		if name, _ := found(t, r, &holds); name != "cheap" {
			t.Errorf("%s: a request for cheap goes to %s", cond, name)
		}
	}
}

// TestTheFirstConditionDecides has several conditions, chained models, a pattern and a canary.
func TestTheFirstConditionDecides(t *testing.T) {
	r := routesOf(t, `
models:
  smart:
    when:
      - {if: {team: [a, b]}, use: one}
      - {if: {team: b}, use: two}
      - {if: {team: c}, use: "demo/demo-slow"}
    canary: {use: two, share: 100%}
    targets: [demo/demo]
  one: {when: [{if: {stream: true}, use: two}], targets: [demo/demo]}
  two: {canary: {use: smart-not, share: 0}, targets: [demo/demo]}
  smart-not: {targets: [demo/demo]}
  "demo/*": {when: [{if: {stream: true}, use: one}], targets: ["demo/*"]}
`)
	for _, c := range []struct {
		team, model string
		stream      bool
		want        string
	}{
		{"a", "smart", false, "smart when[0] one"},
		{"b", "smart", false, "smart when[0] one"},
		{"a", "smart", true, "smart when[0] one when[0] two"},
		{"c", "smart", false, "smart when[2] demo/*"},
		{"c", "smart", true, "smart when[2] demo/* when[0] one when[0] two"},
		{"d", "smart", false, "smart canary two"},
		{"a", "demo/demo-fast", true, "demo/* when[0] one when[0] two"},
		{"a", "two", true, "two"},
	} {
		req := &llm.Request{ID: "r", Principal: llm.Principal{Team: c.team}, Facts: llm.Facts{Model: c.model, Stream: c.stream}}
		name, steps := found(t, r, req)
		got := ""
		for _, s := range steps {
			got += s.Model + " " + s.By + " "
		}
		if got += name; got != c.want {
			t.Errorf("team %s asking for %s goes %s, want %s", c.team, c.model, got, c.want)
		}
	}
}

// TestCanaryKeepsItsSessions wants every session that a share has to be in a larger share as
// well, and the same in any gateway.
func TestCanaryKeepsItsSessions(t *testing.T) {
	routes := map[int]*Routes{}
	share := func(permille int) *Routes {
		if routes[permille] == nil {
			routes[permille] = routesOf(t, fmt.Sprintf("models:\n  smart: {canary: {use: next, share: %g%%}, targets: [demo/demo]}\n  next: {targets: [demo/demo-fast]}", float64(permille)/10))
		}
		return routes[permille]
	}
	rapid.Check(t, func(t *rapid.T) {
		small, large := rapid.IntRange(0, 1000).Draw(t, "small"), rapid.IntRange(0, 1000).Draw(t, "large")
		small, large = min(small, large), max(small, large)
		req := &llm.Request{ID: rapid.String().Draw(t, "id"), Session: rapid.String().Draw(t, "session"), Facts: llm.Facts{Model: "smart", User: rapid.String().Draw(t, "user")},
			Principal: llm.Principal{KeyID: rapid.SampledFrom([]string{"", "k"}).Draw(t, "key")}}
		taken := func(permille int) bool {
			route, _, err := share(permille).Find(req)
			if err != nil {
				t.Fatal(err)
			}
			return route.Name == "next"
		}
		if taken(small) && !taken(large) {
			t.Fatalf("a share of %d ‰ has the session, one of %d ‰ has not", small, large)
		}
		if taken(0) || !taken(1000) {
			t.Fatal("no share has the session, or all of it has not")
		}
		before := taken(large)
		if req.ID += "x"; (req.Session != "" || req.Facts.User != "") && taken(large) != before {
			t.Fatal("another request of the session goes another way")
		}
	})
}

// TestCanarySharesAreMet counts who goes to the canary of 20,000 sessions, users and requests.
func TestCanarySharesAreMet(t *testing.T) {
	r := routesOf(t, "models:\n  smart: {canary: {use: next, share: 5%}, targets: [demo/demo]}\n  next: {targets: [demo/demo-fast]}")
	for kind, of := range map[string]func(n string) *llm.Request{
		"sessions": func(n string) *llm.Request { return &llm.Request{Session: n} },
		"users":    func(n string) *llm.Request { return &llm.Request{Principal: llm.Principal{KeyID: "k", User: n}} },
		"requests": func(n string) *llm.Request { return &llm.Request{ID: n, Principal: llm.Principal{KeyID: "k"}} },
		"conversations": func(n string) *llm.Request {
			return &llm.Request{ID: "r", Facts: llm.Facts{Beginning: llm.TextHash([]byte(n)), EstInputTokens: 5000}}
		},
	} {
		const n = 20_000
		taken := 0
		for i := range n {
			req := of(fmt.Sprint(i))
			req.Facts.Model = "smart"
			if name, steps := found(t, r, req); name == "next" {
				taken++
				if want := "5% of " + kind; steps[0].Why != want || steps[0].By != "canary" || steps[0].Line != 2 {
					t.Fatalf("the step is %+v, want %s", steps[0], want)
				}
			}
		}
		if share := float64(taken) / n; share < 0.044 || share > 0.056 { // 4 standard deviations
			t.Errorf("%.4f of %s go to the canary, want 0.05", share, kind)
		}
	}
}

// TestPlacesAreTheSameEverywhere holds places that other gateways rely on.
func TestPlacesAreTheSameEverywhere(t *testing.T) {
	c := canary{salt: "smart\x00next"}
	for name, want := range map[string]string{"a": "0.171877", "b": "0.487165"} {
		if got := fmt.Sprintf("%.6f", c.place(name)); got != want {
			t.Errorf("place of %q is %s, want %s", name, got, want)
		}
	}
}

// BenchmarkFind finds the route of a model with ten conditions of which none is true.
func BenchmarkFind(b *testing.B) {
	var conditions strings.Builder
	for i := range 10 {
		fmt.Fprintf(&conditions, "{if: {team: t%d, tags: {usecase: [a, b]}}, use: next}, ", i)
	}
	r := routesOf(b, "models:\n  smart: {when: ["+conditions.String()+"], targets: [demo/demo]}\n  next: {targets: [demo/demo-fast]}")
	req := &llm.Request{Tags: map[string]string{"usecase": "a"}, Principal: llm.Principal{Team: "other"}, Facts: llm.Facts{Model: "smart"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := r.Find(req); err != nil {
			b.Fatal(err)
		}
	}
}
