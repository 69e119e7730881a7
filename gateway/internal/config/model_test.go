package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestUnpriced(t *testing.T) {
	c := parseText(t, "models: {m: {targets: [demo/a]}, n: {unpriced: allow, targets: [demo/a]}}")
	if c.Unpriced != UnpricedDeny || c.Models["m"].Unpriced != "" || c.Models["n"].Unpriced != UnpricedAllow {
		t.Errorf("unpriced is %q for all, %q for m, %q for n; want deny, nothing, allow", c.Unpriced, c.Models["m"].Unpriced, c.Models["n"].Unpriced)
	}
	if c := parseText(t, "unpriced: allow"); c.Unpriced != UnpricedAllow {
		t.Errorf("unpriced = %q, want allow", c.Unpriced)
	}
}

func TestPriceOfWebSearches(t *testing.T) {
	c := parseText(t, "models: {m: {targets: [{target: demo/a, price: {input: 1, output: 2, web_search: 35}}]}}")
	var got llm.Target
	c.Models["m"].Targets[0].Override(&got)
	if want := 35_000 * llm.USD; got.Price.WebSearch != want {
		t.Errorf("a million searches cost %v, want %v", got.Price.WebSearch, want)
	}
}

func TestPricesOfTiersAndPictures(t *testing.T) {
	c := parseText(t, `models: {m: {targets: [{target: demo/a, price: {input: 1, output: 2, cached: 0.1, image_output: 30, image: 0.004,
  long: {above: 1000, input: 2, output: 3}, tiers: {flex: {times: 0.5}, priority: {input: 4, output: 5}}}}]}}`)
	target := llm.Target{ID: "demo/a"}
	c.Models["m"].Targets[0].Override(&target)
	p := target.Price
	for _, tt := range []struct {
		usage llm.Usage
		want  llm.NanoUSD
	}{
		{llm.Usage{Input: 100, Output: 10}, 100_000 + 20_000},
		{llm.Usage{Input: 100, Output: 10, ImageOutput: 4}, 100_000 + 6*2000 + 4*30_000},
		{llm.Usage{Input: 100, Images: 3}, 100_000 + 3*4_000_000},
		{llm.Usage{Input: 100, CacheRead: 50, Output: 10, Tier: llm.TierFlex}, 25_000 + 2500 + 10_000},
		{llm.Usage{Input: 1001, Tier: llm.TierFlex}, 1_001_000},
		{llm.Usage{Input: 100, CacheRead: 50, Output: 10, Tier: llm.TierPriority}, 400_000 + 50_000},
		{llm.Usage{Input: 1001, Tier: llm.TierPriority}, 4_004_000}, // no lower than for a short one
		{llm.Usage{Input: 100, Output: 10, Tier: llm.TierBatch}, 120_000},
	} {
		if got := p.Cost(tt.usage); got != tt.want {
			t.Errorf("%+v costs %d nano-USD, want %d", tt.usage, got, tt.want)
		}
	}
	if in := p.At(llm.TierPriority); in.Tier != llm.TierPriority || in.Row != "demo/a@config" || in.WebSearch != p.WebSearch || in.Tiers != nil {
		t.Errorf("the price in the tier priority = %+v", in)
	}
}

func TestAModelHasAtMost1024Targets(t *testing.T) {
	text := func(n int) []byte {
		b := []byte("providers: {p: {dialect: openai, base_url: 'https://p.example', api_key: env:OPENAI_API_KEY}}\n" +
			"models: {m: {fallback: [p/f], targets: [demo/demo")
		for i := range n - 2 {
			b = fmt.Appendf(b, ", p/m%d", i)
		}
		return append(b, "]}}"...)
	}
	if _, err := Parse("penstock.yaml", text(maxTargets), getenv); err != nil {
		t.Errorf("with %d: %v", maxTargets, err)
	}
	if _, err := Parse("penstock.yaml", text(maxTargets+1), getenv); err == nil || !strings.Contains(err.Error(), "models.m.targets: has 1025 targets and fallbacks; at most 1024") {
		t.Errorf("with one more: %v", err)
	}
}

func TestTargetOverride(t *testing.T) {
	c := parseText(t, `models: {m: {targets: [
  {target: demo/a, price: {input: 0.2, output: 0.6, cached: 0.05}, context: 32768, max_output: 10, quality: 0, capabilities: [tools, vision]},
  {target: demo/b, weight: 0, price: {input: 0, output: 0}}]}}`)
	from := llm.Target{ID: "demo/a", Context: 1, Quality: -1, Features: llm.AudioIn, Price: llm.Price{Known: true, Input: 9}}
	got := from
	c.Models["m"].Targets[0].Override(&got)
	want := llm.Target{ID: "demo/a", Context: 32768, MaxOutput: 10, Quality: 0, QualitySource: "the configuration", Features: llm.Tools | llm.Vision, FeaturesKnown: true, Weight: 1,
		Price: llm.Price{Known: true, Input: 200_000_000, Output: 600_000_000, CacheRead: 50_000_000, CacheWrite: 200_000_000,
			CacheWriteLong: 200_000_000, AudioInput: 200_000_000, AudioOutput: 600_000_000, WebSearch: 10_000 * llm.USD, Row: "demo/a@config"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Override (-want +got):\n%s", diff)
	}
	free := from
	c.Models["m"].Targets[1].Override(&free)
	if !free.Price.Known || free.Price.Input != 0 || free.Context != 1 || free.Weight != 0 {
		t.Errorf("a free target is %+v", free)
	}
}

// TestPriceOfLongPromptsAndSound wants every kind of token to have a price of its own.
func TestPriceOfLongPromptsAndSound(t *testing.T) {
	c := parseText(t, `models: {m: {targets: [{target: demo/a, price: {input: 1, output: 2, audio_input: 10, audio_output: 20, cache_write_1h: 3,
  long: {above: 200000, input: 2, output: 4, cached: 0.5}}}]}}`)
	var got llm.Target
	c.Models["m"].Targets[0].Override(&got)
	for _, test := range []struct {
		usage llm.Usage
		want  llm.NanoUSD // for a million
	}{
		{llm.Usage{Input: 200_000, AudioInput: 200_000}, 2 * llm.USD},
		{llm.Usage{Output: 1e6, AudioOutput: 1e6}, 20 * llm.USD},
		{llm.Usage{Input: 100_000, CacheWriteLong: 100_000}, 3 * llm.USD / 10},
		{llm.Usage{Input: 1e6}, 2 * llm.USD},
		{llm.Usage{Input: 1e6, CacheRead: 1e6, Output: 1e6}, 4*llm.USD + llm.USD/2},
		{llm.Usage{Input: 1e6, AudioInput: 1e6}, 10 * llm.USD},
	} {
		if cost := got.Price.Cost(test.usage); cost != test.want {
			t.Errorf("%+v costs %s, want %s", test.usage, cost, test.want)
		}
	}
	for _, bad := range []struct{ long, want string }{
		{"{above: 0, input: 1, output: 1}", "long.above: must be more than 0"},
		{"{above: 5, input: -1, output: 1}", "long.input"},
		{"{above: 5, input: 1}", "output"},
		{"{input: 1, output: 1}", "above"},
	} {
		_, err := Parse("penstock.yaml", []byte("models: {m: {targets: [{target: demo/a, price: {input: 1, output: 2, long: "+bad.long+"}}]}}"), nil)
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("long: %s gives %v, want a fault that says %s", bad.long, err, bad.want)
		}
	}
}

func TestMatch(t *testing.T) {
	c := parseText(t, `
providers: {openai: {api_key: env:OPENAI_API_KEY}}
models:
  gpt: {targets: [openai/gpt-5]}
  "openai/*": {targets: ["openai/*"]}
  "openai/gpt-*": {targets: ["openai/gpt-*"]}
  "*": {targets: ["openai/*"]}
`)
	for _, test := range []struct{ name, alias, star string }{
		{"gpt", "gpt", ""}, {"openai/o3", "openai/*", "o3"}, {"openai/gpt-5", "openai/gpt-*", "5"},
		{"other", "*", "other"}, {"openai/*", "openai/*", "*"}, {"openai/", "*", "openai/"}, {"", "", ""},
	} {
		alias, star, ok := c.Match(test.name)
		if alias != test.alias || star != test.star || ok != (test.alias != "") {
			t.Errorf("Match(%q) = %q, %q, %v, want %q, %q", test.name, alias, star, ok, test.alias, test.star)
		}
	}
}

func TestExpand(t *testing.T) {
	for _, test := range []struct{ target, star, want string }{
		{"openai/*", "gpt-5", "openai/gpt-5"}, {"openai/ft:*:x", "a*b", "openai/ft:a*b:x"}, {"openai/gpt-5", "x", "openai/gpt-5"},
	} {
		got := Target{Target: test.target, Weight: 2}.Expand(test.star)
		provider, model := got.Split()
		if got.Target != test.want || got.Weight != 2 || provider+"/"+model != test.want {
			t.Errorf("%s with %q is %+v, want %s", test.target, test.star, got, test.want)
		}
	}
}
