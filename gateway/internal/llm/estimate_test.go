package llm_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func priced() llm.Target {
	return llm.Target{Model: "m", Price: llm.Price{Known: true, Input: llm.USD, Output: 10 * llm.USD, CacheRead: llm.USD,
		CacheWrite: 2 * llm.USD, CacheWriteLong: 3 * llm.USD, AudioInput: 5 * llm.USD, AudioOutput: 20 * llm.USD, WebSearch: 10_000 * llm.USD}}
}

// setTiers gives a target prices in service tiers: half as much, twice to four times as much, six
// times as much.
func setTiers(t *llm.Target) {
	in := func(input, output, write llm.NanoUSD) llm.Price {
		return llm.Price{Known: true, Input: input, Output: output, CacheRead: input, CacheWrite: write, CacheWriteLong: write}
	}
	t.Price.SetTier(llm.TierFlex, in(llm.USD/2, 5*llm.USD, llm.USD))
	t.Price.SetTier(llm.TierPriority, in(2*llm.USD, 30*llm.USD, 8*llm.USD))
	t.Price.SetTier(llm.TierFast, in(6*llm.USD, 60*llm.USD, 6*llm.USD))
}

// TestEstimate bounds tokens and money, case by case. The template's 64 tokens are in all
// of them.
func TestEstimate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		facts  llm.Facts
		target func(*llm.Target)
		bound  int64 // the policy's cap
		text   int64 // counted tokens
		want   llm.Amounts
		least  int64 // output
	}{
		{name: "a token a byte", facts: llm.Facts{TextBytes: 36, MaxTokens: 10},
			want: llm.Amounts{USD: 200_000, InputTokens: 100, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "counted", facts: llm.Facts{TextBytes: 36, MaxTokens: 10}, text: 6,
			want: llm.Amounts{USD: 170_000, InputTokens: 70, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "n choices", facts: llm.Facts{TextBytes: 36, MaxTokens: 10, Choices: 8},
			want: llm.Amounts{USD: 900_000, InputTokens: 100, OutputTokens: 80, Requests: 1}, least: 10},
		{name: "no bound of the caller's: the model's", facts: llm.Facts{TextBytes: 36}, target: func(t *llm.Target) { t.MaxOutput = 1000 },
			want: llm.Amounts{USD: 10_100_000, InputTokens: 100, OutputTokens: 1000, Requests: 1}, least: 256},
		{name: "the policy's", facts: llm.Facts{TextBytes: 36}, target: func(t *llm.Target) { t.MaxOutput = 1000 }, bound: 100,
			want: llm.Amounts{USD: 1_100_000, InputTokens: 100, OutputTokens: 100, Requests: 1}, least: 100},
		{name: "an unknown one", facts: llm.Facts{TextBytes: 36},
			want: llm.Amounts{USD: 82_020_000, InputTokens: 100, OutputTokens: 8192, Requests: 1}, least: 256},
		{name: "room for the prompt", facts: llm.Facts{TextBytes: 936}, target: func(t *llm.Target) { t.Context = 8192 },
			want: llm.Amounts{USD: 72_920_000, InputTokens: 1000, OutputTokens: 7192, Requests: 1}, least: 256},
		{name: "the prompt nearly fills the window", facts: llm.Facts{TextBytes: 8000, EstInputTokens: 2700}, target: func(t *llm.Target) { t.Context = 8192 },
			want: llm.Amounts{USD: 62_984_000, InputTokens: 8064, OutputTokens: 5492, Requests: 1}, least: 256},
		{name: "even the likely size fills the window", facts: llm.Facts{TextBytes: 24_600, EstInputTokens: 8200}, target: func(t *llm.Target) { t.Context = 8192 },
			want: llm.Amounts{USD: 27_224_000, InputTokens: 24_664, OutputTokens: 256, Requests: 1}, least: 256},
		{name: "tools", facts: llm.Facts{TextBytes: 36, MaxTokens: 10, Features: llm.Tools},
			want: llm.Amounts{USD: 900_000, InputTokens: 800, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "cache writes at the highest price", facts: llm.Facts{TextBytes: 36, MaxTokens: 10, CacheWrites: true},
			want: llm.Amounts{USD: 400_000, InputTokens: 100, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "sound in and out", facts: llm.Facts{TextBytes: 36, MediaTokens: 100, MaxTokens: 10, Features: llm.AudioIn | llm.AudioOut},
			want: llm.Amounts{USD: 1_200_000, InputTokens: 200, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "pictures", facts: llm.Facts{TextBytes: 36, Images: 2, MaxTokens: 10},
			want: llm.Amounts{USD: 20_200_000, InputTokens: 20_100, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "pictures that cost more", facts: llm.Facts{TextBytes: 36, Images: 2, MaxTokens: 10}, target: func(t *llm.Target) { t.Model = "gpt-4o-mini-2024-07-18" },
			want: llm.Amounts{USD: 100_200_000, InputTokens: 100_100, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "media beyond the window", facts: llm.Facts{TextBytes: 36, MediaTokens: 3 << 20, MaxTokens: 10}, target: func(t *llm.Target) { t.Context = 8192 },
			want: llm.Amounts{USD: 8_292_000, InputTokens: 8192, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "text beyond the window", facts: llm.Facts{TextBytes: 9936, MaxTokens: 10}, target: func(t *llm.Target) { t.Context = 8192 },
			want: llm.Amounts{USD: 10_100_000, InputTokens: 10_000, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "what has no bound fills the window", facts: llm.Facts{TextBytes: 36, Images: 1, MaxTokens: 10, Unbounded: "a remote image"}, target: func(t *llm.Target) { t.Context = 8192 },
			want: llm.Amounts{USD: 8_292_000, InputTokens: 8192, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "pictures at their tokens' price and their own", facts: llm.Facts{TextBytes: 36, Images: 2, MaxTokens: 10, Features: llm.Vision}, target: func(t *llm.Target) { t.Price.ImageInput, t.Price.Image = 6*llm.USD, 1e6*llm.USD },
			want: llm.Amounts{USD: 2*llm.USD + 20_100*6000 + 100_000, InputTokens: 20_100, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "a model that makes pictures", facts: llm.Facts{TextBytes: 36, MaxTokens: 10}, target: func(t *llm.Target) { t.Price.ImageOutput = 60 * llm.USD },
			want: llm.Amounts{USD: 700_000, InputTokens: 100, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "the tier that is asked for", facts: llm.Facts{TextBytes: 36, MaxTokens: 10, Tier: llm.TierPriority}, target: setTiers,
			want: llm.Amounts{USD: 500_000, InputTokens: 100, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "cache writes in the tier", facts: llm.Facts{TextBytes: 36, MaxTokens: 10, Tier: llm.TierPriority, CacheWrites: true}, target: setTiers,
			want: llm.Amounts{USD: 1_100_000, InputTokens: 100, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "a cheaper tier may not be granted", facts: llm.Facts{TextBytes: 36, MaxTokens: 10, Tier: llm.TierFlex}, target: setTiers,
			want: llm.Amounts{USD: 200_000, InputTokens: 100, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "any tier that the provider may choose", facts: llm.Facts{TextBytes: 36, MaxTokens: 10, Tier: llm.TierAuto}, target: setTiers,
			want: llm.Amounts{USD: 500_000, InputTokens: 100, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "fast mode", facts: llm.Facts{TextBytes: 36, MaxTokens: 10, Tier: llm.TierFast}, target: setTiers,
			want: llm.Amounts{USD: 1_200_000, InputTokens: 100, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "web searches", facts: llm.Facts{TextBytes: 36, MaxTokens: 10, Features: llm.WebSearch},
			want: llm.Amounts{USD: 100_200_000, InputTokens: 100, OutputTokens: 10, Requests: 1}, least: 10},
		{name: "without a price there is no money", facts: llm.Facts{TextBytes: 36, MaxTokens: 10}, target: func(t *llm.Target) { t.Price = llm.Price{} },
			want: llm.Amounts{InputTokens: 100, OutputTokens: 10, Requests: 1}, least: 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target := priced()
			if tt.target != nil {
				tt.target(&target)
			}
			e := llm.EstimateOf(&target, &tt.facts, tt.bound, tt.text)
			if diff := cmp.Diff(tt.want, e.Amounts(e.Output)); diff != "" {
				t.Errorf("amounts (-want +got):\n%s", diff)
			}
			if e.Least != tt.least {
				t.Errorf("at least %d tokens of output, want %d", e.Least, tt.least)
			}
			if target.Price.Known && e.Cost() != tt.want.USD {
				t.Errorf("Cost = %v, want %v", e.Cost(), tt.want.USD)
			}
		})
	}
}

// TestWorstCost checks that the most expensive target counts, and those without a price don't.
func TestWorstCost(t *testing.T) {
	cheap, expensive, unknown := priced(), priced(), priced()
	expensive.Price.Output *= 2
	unknown.Price = llm.Price{Output: 100 * llm.USD}
	f := llm.Facts{TextBytes: 36, MaxTokens: 10}
	for name, tt := range map[string]struct {
		targets []*llm.Target
		cost    llm.NanoUSD
		known   bool
	}{
		"the most expensive": {[]*llm.Target{&cheap, &expensive, &unknown}, 300_000, true},
		"no price":           {[]*llm.Target{&unknown}, 0, false},
		"no target":          {nil, 0, false},
	} {
		if cost, known := llm.WorstCost(tt.targets, &f); cost != tt.cost || known != tt.known {
			t.Errorf("%s: %v, %t, want %v, %t", name, cost, known, tt.cost, tt.known)
		}
	}
}

func TestEstimatesSaturate(t *testing.T) {
	target := priced()
	f := llm.Facts{TextBytes: 1 << 40, MediaTokens: 1<<63 - 1, Images: 1 << 40, MaxTokens: 1 << 60, Choices: 128, CacheWrites: true}
	e := llm.EstimateOf(&target, &f, 0, 0)
	if a := e.Amounts(e.Output); a.USD != 1<<63-1 || a.Of(llm.UnitTokens) != 1<<63-1 {
		t.Errorf("amounts = %+v, want the largest there are", a)
	}
}
