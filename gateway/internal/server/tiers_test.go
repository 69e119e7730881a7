package server

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestTheTierOfAReplySetsItsPrice asks providers of every format, in every format, for plain
// replies and for streams that name a service tier.
func TestTheTierOfAReplySetsItsPrice(t *testing.T) {
	const price = `price: {input: 1000, output: 2000, tiers: {batch: {times: 0.5}, flex: {times: 0.5}, priority: {input: 3000, output: 4000}, fast: {times: 6}}}`
	h := openTestServer(t, llmtest.Handler(llmtest.Model()), `
keys: off
providers:
  chat: {dialect: openai, base_url: $UPSTREAM, allow_private: true}
  messages: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true}
  responses: {dialect: openai-responses, base_url: $UPSTREAM, allow_private: true}
  google: {dialect: gemini, base_url: $UPSTREAM, allow_private: true}
models:
  "chat/*": {targets: [{target: chat/*, `+price+`}]}
  "messages/*": {targets: [{target: messages/*, `+price+`}]}
  "responses/*": {targets: [{target: responses/*, `+price+`}]}
  "google/*": {targets: [{target: google/*, `+price+`}]}
ledger: sqlite://penstock.db
`)
	base := strings.TrimSuffix(h.URL, "/v1")
	for _, tt := range []struct {
		provider string
		tiers    []llm.Tier
	}{
		{"chat", []llm.Tier{"", "standard", "flex", "priority", "scale"}},
		{"messages", []llm.Tier{"", "standard", "batch", "priority", "fast"}},
		{"responses", []llm.Tier{"", "standard", "flex", "priority"}},
		{"google", []llm.Tier{"", "standard", "flex", "priority"}},
	} {
		for _, c := range llmtest.Clients() {
			for _, tier := range tt.tiers {
				for _, stream := range []bool{false, true} {
					seen, err := c.Ask(t.Context(), base, tt.provider+"/tier-"+string(tier), "hi", stream)
					if err != nil || seen.Ending() != llmtest.EndWhole {
						t.Fatalf("%s: %v, %s", c.Name, err, seen.Body)
					}
					r, err := h.ledger.Get(t.Context(), seen.Header.Get("X-Penstock-Request-Id"))
					if err != nil {
						t.Fatal(err)
					}
					// 10 tokens in and 5 out, at a thousandth and two of a dollar.
					want := map[llm.Tier]llm.NanoUSD{"flex": 10e6, "batch": 10e6, "priority": 50e6, "fast": 120e6}[tier]
					if want == 0 {
						want = 20e6
					}
					if tier == llm.TierStandard {
						tier = ""
					}
					named := tier
					if tier == "scale" {
						named = ""
					}
					if r.Cost != want || r.Usage.Tier != tier || r.Price.Tier != named || r.Price.Row != r.Target+"@config" {
						t.Errorf("%s from %s, stream %t, tier %q: %v in the tier %q by %+v, want %v", c.Name, tt.provider, stream, tier, r.Cost, r.Usage.Tier, r.Price, want)
					}
				}
			}
		}
	}
}

// TestTheTierThatIsAskedFor asks for service tiers of a provider whose replies name none: the
// dearer price counts, and a limit in US dollars reserves it.
func TestTheTierThatIsAskedFor(t *testing.T) {
	h := openTestServer(t, llmtest.Handler(llmtest.Model()), `
keys: off
providers:
  chat: {dialect: openai, base_url: $UPSTREAM, allow_private: true}
  messages: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true}
models:
  chat: {targets: [{target: chat/x, price: {input: 1000, output: 2000, tiers: {flex: {times: 0.5}, priority: {times: 3}}}}]}
  messages: {targets: [{target: messages/x, price: {input: 1000, output: 2000, tiers: {fast: {times: 6}}}}]}
ledger: sqlite://penstock.db
`)
	for _, tt := range []struct {
		path, body string
		tier       llm.Tier
		cost       llm.NanoUSD
	}{
		{"/chat/completions", `{"model":"chat","messages":[{"role":"user","content":"hi"}]`, "", 20e6},
		{"/chat/completions", `{"model":"chat","service_tier":"flex","messages":[{"role":"user","content":"hi"}]`, "", 20e6},
		{"/chat/completions", `{"model":"chat","service_tier":"priority","messages":[{"role":"user","content":"hi"}]`, llm.TierPriority, 60e6},
		{"/responses", `{"model":"chat","service_tier":"priority","input":"hi"`, llm.TierPriority, 60e6},
		{"/messages", `{"model":"messages","max_tokens":9,"speed":"fast","messages":[{"role":"user","content":"hi"}]`, llm.TierFast, 120e6},
		{"/messages", `{"model":"messages","max_tokens":9,"speed":"standard","service_tier":"auto","messages":[{"role":"user","content":"hi"}]`, "", 20e6},
	} {
		for _, stream := range []string{"}", `,"stream":true}`} {
			resp, got := h.postTo(t, tt.path, tt.body+stream)
			r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
			if err != nil || r.Cost != tt.cost || r.Usage.Tier != tt.tier || r.Price.Tier != tt.tier {
				t.Errorf("%s%s costs %v in the tier %q, %v, want %v in %q: %s", tt.body, stream, r.Cost, r.Usage.Tier, err, tt.cost, tt.tier, got)
			}
		}
	}
}
