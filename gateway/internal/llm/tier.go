package llm

import "strings"

// Tier is a service tier: how urgently a provider serves a request, which it may charge
// another price for. Empty means that none is known.
type Tier string

// The tiers that a price may have prices for, besides the standard one. Auto as what a request
// asks for leaves the choice to the provider.
const (
	TierStandard Tier = "standard"
	TierBatch    Tier = "batch"
	TierFlex     Tier = "flex"
	TierPriority Tier = "priority"
	TierFast     Tier = "fast"
	TierAuto     Tier = "auto"
)

// PricedTiers lists the tiers that may have prices of their own, in the order in which they
// are written.
func PricedTiers() []Tier { return []Tier{TierBatch, TierFlex, TierPriority, TierFast} }

// maxTier bounds the name of a tier, in bytes.
const maxTier = 32

// ParseTier returns the tier that a provider's word means: OpenAI's, Groq's and Anthropic's
// service_tier, Gemini's serviceTier or SERVICE_TIER_…, Vertex's trafficType. Another word is a
// tier of that name, cut off at 32 bytes.
func ParseTier(word string) Tier {
	word = strings.ToLower(word[:min(len(word), maxTier)])
	word = strings.TrimPrefix(strings.TrimPrefix(word, "service_tier_"), "on_demand_")
	switch word {
	case "default", "standard", "standard_only", "on_demand":
		return TierStandard
	case "unspecified", "traffic_type_unspecified":
		return ""
	}
	return Tier(word)
}

// Cheaper reports whether the tier is known to cost no more than the standard one.
func (t Tier) Cheaper() bool { return t == TierFlex || t == TierBatch }

// At returns the price in a tier. A tier without a price of its own costs as much as the
// standard one.
func (p Price) At(t Tier) Price {
	if in := p.Tiers[t]; in != nil {
		return *in
	}
	p.Tiers = nil
	return p
}

// TierOf returns the tier that a reply is charged in: what the reply says, or else the dearer
// of the standard tier and the one that the request asked for. Empty is the standard one.
func (p Price) TierOf(said, asked Tier, u Usage) Tier {
	if said != "" {
		return unlessStandard(said)
	}
	if p.Tiers[asked] == nil {
		return ""
	}
	in := u
	u.Tier, in.Tier = "", asked
	if p.Cost(in) > p.Cost(u) {
		return asked
	}
	return ""
}

func unlessStandard(t Tier) Tier {
	if t == TierStandard {
		return ""
	}
	return t
}

// mayServe reports whether a request that asks for a tier may be served in another one: in
// the one it asks for, or with auto in any that is chosen for single requests.
func (t Tier) mayServe(asked Tier) bool {
	return t == asked || asked == TierAuto && t != TierBatch && t != TierFast
}

// SetTier sets the complete prices of a service tier. What is not published for a tier, the
// prices of sound, pictures and long prompts, is taken to be no lower than in the standard one.
func (p *Price) SetTier(t Tier, in Price) {
	in.Tier, in.Tiers, in.Row, in.WebSearch = t, nil, p.Row, p.WebSearch
	in.raiseMedia(p)
	in.Image = max(in.Image, p.Image)
	switch {
	case in.Long != nil:
		in.SetLong(in.LongAbove, *in.Long)
	case p.Long != nil:
		long := in
		long.Tier, long.Row, long.WebSearch, long.Image = "", "", 0, 0
		long.raise(p.Long)
		in.SetLong(p.LongAbove, long)
	}
	if p.Tiers == nil {
		p.Tiers = map[Tier]*Price{}
	}
	p.Tiers[t] = &in
}

// SetLong sets the complete prices of prompts of more than so many tokens. Those of sound and
// pictures, which are not published, are taken to be no lower than for shorter ones.
func (p *Price) SetLong(above int64, long Price) {
	long.raiseMedia(p)
	p.LongAbove, p.Long = above, &long
}

// raise raises every price of a token to another one's.
func (p *Price) raise(to *Price) {
	p.Input, p.Output = max(p.Input, to.Input), max(p.Output, to.Output)
	p.CacheRead = max(p.CacheRead, to.CacheRead)
	p.CacheWrite, p.CacheWriteLong = max(p.CacheWrite, to.CacheWrite), max(p.CacheWriteLong, to.CacheWriteLong)
	p.raiseMedia(to)
}

// raiseMedia raises the prices of sound and pictures to another one's.
func (p *Price) raiseMedia(to *Price) {
	p.AudioInput, p.AudioOutput = max(p.AudioInput, to.AudioInput), max(p.AudioOutput, to.AudioOutput)
	p.ImageInput, p.ImageOutput = max(p.ImageInput, to.ImageInput), max(p.ImageOutput, to.ImageOutput)
}
