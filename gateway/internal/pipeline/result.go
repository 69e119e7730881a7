package pipeline

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// result is what came of an attempt.
type result struct {
	info  llm.ReplyInfo
	usage llm.Usage
	cost  llm.NanoUSD
}

// result returns what the caller used by the attempt and what that costs. A failed one costs
// nothing; one that the caller did not wait for was being worked on, so its prompt is
// charged, by the provider's count where there is one. One that went on from another's text
// is charged with that.
func (a *attempt) result() result {
	r := a.own()
	if before := a.continues(); before > 0 {
		r.usage.Output, r.usage.Estimated = llm.Add(r.usage.Output, before), true
		r.cost = a.target.Price.Cost(r.usage)
	}
	return r
}

// continues is how many tokens of another attempt's output this one goes on from; 0 when it
// does not.
func (a *attempt) continues() int64 {
	if a.resume == nil || a.resume.Prefill == "" {
		return 0
	}
	return a.broken.result().usage.Output
}

// own is what the attempt itself used, and what that costs.
func (a *attempt) own() result {
	var r result
	switch {
	case a.reply != nil:
		r.info = a.reply.Info()
		r.usage = r.info.Billed(a.exchange.Sent.Facts.EstInputTokens, r.info.Finish != "" || !a.req.Facts.Stream)
	case a.sent && (a.callerLeft || a.overtaken):
		r.usage = a.early.Billed(a.request().Facts.EstInputTokens, false)
	default:
		return r
	}
	a.setTier(&r.usage)
	r.cost = a.target.Price.Cost(r.usage)
	return r
}

// geminiTier is the header in which Google names the service tier of replies that do not.
const geminiTier = "X-Gemini-Service-Tier"

// setTier completes usage by what sets its price: the service tier, and how many pictures the
// prompt has.
func (a *attempt) setTier(u *llm.Usage) {
	facts, price := &a.req.Facts, &a.target.Price
	if a.exchange.Sent != nil {
		facts = &a.exchange.Sent.Facts
	}
	said := u.Tier
	if said == "" && a.answer != nil {
		said = llm.ParseTier(a.answer.Header.Get(geminiTier))
	}
	u.Tier = price.TierOf(said, facts.Tier, *u)
	if price.Image > 0 && u.Input > 0 {
		u.Images = int64(facts.Images)
	}
}

// settle settles what the attempt holds of the request's limits, and returns its charges.
func (a *attempt) settle(ctx context.Context) []llm.Charge {
	if a.reserved.hold == nil {
		return a.charges
	}
	used := a.target.Price.Amounts(a.result().usage)
	if a.overtaken {
		used.Requests = 0 // the caller made one
	}
	return a.reserved.settle(ctx, used)
}
