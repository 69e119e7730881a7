package pipeline

import (
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// worstCase bounds what a request with these facts may use at a target. text is an upper
// bound of the prompt's text in tokens; 0 counts a token a byte.
func (t *terms) worstCase(target *llm.Target, f *llm.Facts, text int64) llm.Estimate {
	if t.route.PromptCache && target.Speaks(llm.Anthropic) && !f.CacheWrites {
		marked := *f
		marked.CacheWrites = true // the gateway asks for it
		f = &marked
	}
	return llm.EstimateOf(target, f, t.decision.Obligations.MaxOutputTokens, text)
}

// countedWorstCase is the worst case with the prompt's text counted by a tokenizer. It is
// false when that gives no lower bound than a token a byte. Counting takes time, so it is
// for requests that do not fit otherwise.
func (t *terms) countedWorstCase(target *llm.Target, sent *llm.Request, f *llm.Facts) (llm.Estimate, bool) {
	text, ok := t.Tokens.Prompt(target.Model, sent)
	if !ok || text >= f.TextBytes {
		return llm.Estimate{}, false
	}
	return t.worstCase(target, f, text), true
}

// setMaxOutput decides on the maximum that is set upstream: output, unless the request
// sets as much itself or nothing bounds it. Without a maximum, a reservation would bound
// nothing.
func (t *terms) setMaxOutput(x *llm.Exchange, output int64) {
	asked, restored := x.Sent.Facts.MaxTokens, x.MaxOutput > 0
	x.MaxOutput = 0
	if x.Sent.Facts.Inputs > 0 || x.Sent.Facts.Free { // nothing is generated
		return
	}
	bounded := t.decision.Obligations.MaxOutputTokens > 0 ||
		t.hardLimit(llm.UnitUSD) || t.hardLimit(llm.UnitTokens) || t.hardLimit(llm.UnitOutputTokens)
	switch {
	case asked > output || asked == 0 && (restored || bounded):
		x.MaxOutput = output
	case bounded:
		x.MaxOutput = asked // under a name that the target heeds
	}
}

// hardLimit reports whether a limit of this unit may refuse the request.
func (t *terms) hardLimit(u llm.Unit) bool {
	return slices.ContainsFunc(t.decision.Limits, func(m llm.Limit) bool { return m.Unit == u && m.Hard() })
}

// whyUnbounded says why it is not known what a request may cost at a target although a
// limit depends on it; empty when it is known.
func (t *terms) whyUnbounded(target *llm.Target, f *llm.Facts) string {
	money := t.hardLimit(llm.UnitUSD)
	switch {
	case f.Free:
		return ""
	case money && !target.Price.Known && !t.route.AllowUnpriced:
		return "no price is known for it, and a limit in US dollars applies: set price on the target, or unpriced: allow on the model"
	case f.Repriced == llm.OtherModels && t.req.PassesTo(target) && !t.mayUseAllModels():
		return "models names others that may answer, and this key may use only some: remove models"
	case money && f.Repriced != "" && !pricesTier(target, f) && t.req.PassesTo(target) && bills(target) && !t.route.AllowUnpriced:
		return f.Repriced + " may make it cost more than is known, and a limit in US dollars applies: remove " + f.Repriced + ", or set unpriced: allow on the model"
	case f.Unbounded == "" || target.Context > 0:
		return ""
	case money && target.Price.Known || t.hardLimit(llm.UnitTokens) || t.hardLimit(llm.UnitInputTokens):
		return "it is not known how many tokens " + f.Unbounded + " takes, and a limit depends on it: set context on the target, and it counts as a full context window"
	}
	return ""
}

// pricesTier reports whether what makes a request cost more is a service tier whose price is
// known.
func pricesTier(target *llm.Target, f *llm.Facts) bool {
	return (f.Repriced == "service_tier" || f.Repriced == "speed") && target.Price.Tiers[f.Tier] != nil
}

// mayUseAllModels reports whether the caller's key names no models, or all.
func (t *terms) mayUseAllModels() bool {
	models := t.req.Principal.Models
	return len(models) == 0 || slices.Contains(models, "*")
}

// bills reports whether a target bills tokens. Members of a request that change its prices
// reach it only where the request passes through: what a dialect sends is up to its module.
func bills(target *llm.Target) bool {
	return target.Price.Cost(llm.Usage{Input: 1 << 20, Output: 1 << 20}) > 0
}
