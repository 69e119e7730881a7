package config

import (
	"math"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// checkPrice checks what the types of a price's settings do not.
func (d *decoder) checkPrice(at string, p *Price) {
	if p.Long != nil && p.Long.Above < 1 {
		d.fault(at+".long.above", nil, "write a number of tokens, such as 200000", "must be more than 0")
	}
	for _, one := range []struct {
		name  string
		price *Dollars
	}{{"image_input", p.ImageInput}, {"image_output", p.ImageOutput}} {
		if one.price != nil && *one.price == 0 {
			d.fault(Path(at, one.name), nil, "leave it out where pictures cost as much as text", "must be more than 0")
		}
	}
	for name, t := range p.Tiers.all() {
		d.checkTier(Path(at+".tiers", string(name)), t)
	}
}

// maxTimes bounds how much dearer a service tier is than the standard one.
const maxTimes = 100

// checkTier wants a service tier to have either a multiple or prices of input and output.
func (d *decoder) checkTier(at string, t *TierPrice) {
	const both = "write times, or input and output"
	priced := t.Input != nil || t.Output != nil || t.Cached != nil || t.CacheWrite != nil || t.CacheWriteLong != nil
	switch {
	case t.Times != nil && priced:
		d.fault(at, nil, both, "has times and prices, too")
	case t.Times != nil && !(*t.Times > 0 && *t.Times <= maxTimes):
		d.fault(at+".times", nil, "write a multiple of the standard prices, such as 0.5", "must be more than 0 and at most %d, not %v", maxTimes, *t.Times)
	case t.Times == nil && (t.Input == nil || t.Output == nil):
		d.fault(at, nil, both, "has no price of input or output")
	}
}

// all yields the service tiers that have prices.
func (p *TierPrices) all() func(yield func(llm.Tier, *TierPrice) bool) {
	return func(yield func(llm.Tier, *TierPrice) bool) {
		for _, one := range []struct {
			name  llm.Tier
			price *TierPrice
		}{{llm.TierBatch, p.Batch}, {llm.TierFlex, p.Flex}, {llm.TierPriority, p.Priority}, {llm.TierFast, p.Fast}} {
			if one.price != nil && !yield(one.name, one.price) {
				return
			}
		}
	}
}

// perToken returns the tier's prices. standard is the complete price of the standard tier.
func (t *TierPrice) perToken(standard *llm.Price) llm.Price {
	if t.Times != nil {
		return times(*standard, *t.Times)
	}
	price := perToken(t.Input, t.Output, t.Cached, t.CacheWrite, t.CacheWriteLong)
	price.AudioInput, price.AudioOutput = price.Input, price.Output
	return price
}

// times multiplies every price of a token, rounded up. Prices are far below 2^53, so a float has
// their digits.
func times(p llm.Price, by float64) llm.Price {
	for _, n := range []*llm.NanoUSD{&p.Input, &p.Output, &p.CacheRead, &p.CacheWrite, &p.CacheWriteLong, &p.AudioInput, &p.AudioOutput, &p.ImageInput, &p.ImageOutput} {
		*n = llm.NanoUSD(math.Ceil(float64(*n)*by - 1e-6))
	}
	if p.Long != nil {
		long := times(*p.Long, by)
		p.Long = &long
	}
	return p
}

// perToken returns the price in the form that costs are computed from. Tokens without a
// price cost as much as without a cache, which is never too little.
func (p Price) perToken(target string) llm.Price {
	price := perToken(p.Input, p.Output, p.Cached, p.CacheWrite, p.CacheWriteLong)
	price.AudioInput, price.AudioOutput = dollarsOr(p.AudioInput, price.Input), dollarsOr(p.AudioOutput, price.Output)
	price.WebSearch = llm.SearchPrice(price.Input, price.Output)
	price.ImageInput, price.ImageOutput = dollarsOr(p.ImageInput, 0), dollarsOr(p.ImageOutput, 0)
	price.Image = llm.Times(1_000_000, dollarsOr(p.Image, 0))
	if p.WebSearch != nil {
		price.WebSearch = llm.Times(1000, llm.NanoUSD(*p.WebSearch))
	}
	if l := p.Long; l != nil {
		long := perToken(l.Input, l.Output, l.Cached, l.CacheWrite, l.CacheWriteLong)
		long.AudioInput, long.AudioOutput = long.Input, long.Output
		price.SetLong(l.Above, long)
	}
	price.Row = target + "@config"
	for name, t := range p.Tiers.all() {
		price.SetTier(name, t.perToken(&price))
	}
	return price
}

// perToken returns the prices that all lengths of prompt have.
func perToken(input, output, cached, write, writeLong *Dollars) llm.Price {
	in, out := dollarsOr(input, 0), dollarsOr(output, 0)
	writes := dollarsOr(write, in)
	return llm.Price{Known: true, Input: in, Output: out, CacheRead: dollarsOr(cached, in), CacheWrite: writes, CacheWriteLong: dollarsOr(writeLong, writes)}
}

func dollarsOr(d *Dollars, other llm.NanoUSD) llm.NanoUSD {
	if d == nil {
		return other
	}
	return llm.NanoUSD(*d)
}
