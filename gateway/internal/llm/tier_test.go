package llm_test

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestParseTier(t *testing.T) {
	for word, want := range map[string]llm.Tier{
		"": "", "default": llm.TierStandard, "standard_only": llm.TierStandard, "on_demand": llm.TierStandard, "ON_DEMAND": llm.TierStandard,
		"SERVICE_TIER_STANDARD": llm.TierStandard, "SERVICE_TIER_PRIORITY": llm.TierPriority, "ON_DEMAND_FLEX": llm.TierFlex, "SERVICE_TIER_UNSPECIFIED": "",
		"auto": llm.TierAuto, "batch": llm.TierBatch, "Flex": llm.TierFlex, "fast": llm.TierFast, "scale": "scale",
		strings.Repeat("x", 100): llm.Tier(strings.Repeat("x", 32)),
	} {
		if got := llm.ParseTier(word); got != want {
			t.Errorf("ParseTier(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestTierOf(t *testing.T) {
	target := priced()
	setTiers(&target)
	u := llm.Usage{Input: 100, Output: 10}
	for _, tt := range []struct{ said, asked, want llm.Tier }{
		{"", "", ""}, {llm.TierStandard, llm.TierPriority, ""}, {llm.TierPriority, "", llm.TierPriority}, {llm.TierFlex, llm.TierPriority, llm.TierFlex},
		{"", llm.TierPriority, llm.TierPriority}, {"", llm.TierFlex, ""}, {"", "unheard", ""}, {"unheard", "", "unheard"}, {"", llm.TierAuto, ""},
	} {
		if got := target.Price.TierOf(tt.said, tt.asked, u); got != tt.want {
			t.Errorf("TierOf(%q, %q) = %q, want %q", tt.said, tt.asked, got, tt.want)
		}
	}
	if got := target.Price.At("unheard"); got.Tier != "" || got.Tiers != nil || got.Input != target.Price.Input {
		t.Errorf("the price in an unknown tier = %+v, want the standard one", got)
	}
}
