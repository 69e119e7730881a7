package llm

import "strings"

// Estimate bounds what one request may use at one target before it is sent. It is the one
// place where the worst case is computed: policy, reservation and explain all read it.
type Estimate struct {
	// Input is an upper bound of the prompt in tokens.
	Input int64
	// Output is the most tokens that one choice may have, Least the fewest that the request
	// is still worth sending for. They are equal when the caller chose the bound.
	Output, Least int64
	// Choices is how many replies are made, at least 1.
	Choices int64
	// Searches is how many web searches are allowed for.
	Searches int64
	// Images is how many pictures are charged for beside their tokens.
	Images int64
	price  Price
	worst  Usage // of one token, in its most expensive class
	// others are the same in further service tiers that the request may be served in.
	others []Usage
}

const (
	// LeastOutput is the shortest reply, in tokens, that a request is still sent for when
	// a budget has little left.
	LeastOutput = 256
	// unknownOutput is the output cap of a target whose own is unknown.
	unknownOutput = 8192
	// assumedSearches is what a reply with web search is reserved for. Nothing bounds it.
	assumedSearches = 10
	// templateTokens is what a provider puts around a prompt, toolTokens what it adds when
	// there are tools.
	templateTokens = 64
	toolTokens     = 700
	// imageTokens is more than any provider makes of a picture, whatever its size, with
	// one exception: models of the gpt-4o-mini family count up to wideImageTokens.
	imageTokens     = 10_000
	wideImageTokens = 50_000
)

// EstimateOf bounds a request at a target. bound above zero is the policy's cap on output
// tokens; text is an upper bound of the prompt's text in tokens, 0 for a token a byte.
func EstimateOf(t *Target, f *Facts, bound, text int64) Estimate {
	e := Estimate{Choices: int64(max(f.Choices, 1)), price: t.Price}
	if f.Free {
		return e
	}
	if f.Features.Has(WebSearch) {
		e.Searches = assumedSearches
	}
	e.Input = inputBound(t, f, text)
	e.setWorst(f)
	if f.Inputs > 0 {
		e.Input = Add(e.Input, Times(int64(f.Inputs), templateTokens))
		return e
	}
	e.Output = outputBound(t, f, bound)
	e.Least = min(e.Output, LeastOutput)
	if f.MaxTokens > 0 {
		e.Least = e.Output
	} else {
		e.Output = max(min(e.Output, room(t, f, e.Input)), 1)
		e.Least = min(e.Least, e.Output)
	}
	return e
}

// WorstCost returns an upper bound of what a request costs at the most expensive of the targets whose
// price is known; known is false when none is.
func WorstCost(targets []*Target, f *Facts) (cost NanoUSD, known bool) {
	for _, t := range targets {
		if t.Price.Known {
			cost, known = max(cost, EstimateOf(t, f, 0, 0).Cost()), true
		}
	}
	return cost, known
}

// inputBound returns an upper bound of the prompt in tokens. A prompt with a part of unknown
// size, such as a remote image, counts as a full context window. Only media are cut off at
// the window: one that is configured too small must not hide text.
func inputBound(t *Target, f *Facts, text int64) int64 {
	if text == 0 {
		text = f.TextBytes
	}
	text += templateTokens
	if f.Features.Has(Tools) {
		text += toolTokens
	}
	perImage := int64(imageTokens)
	if strings.Contains(t.Model, "gpt-4o-mini") {
		perImage = wideImageTokens
	}
	all := Add(Add(text, f.MediaTokens), Times(int64(f.Images), perImage))
	switch {
	case t.Context <= 0:
		return all
	case f.Unbounded != "":
		return max(text, t.Context)
	}
	return max(text, min(all, t.Context))
}

// outputBound returns the most tokens that one choice may have.
func outputBound(t *Target, f *Facts, bound int64) int64 {
	out := f.MaxTokens
	if out == 0 {
		out = t.MaxOutput
	}
	if out == 0 {
		out = unknownOutput
	}
	if bound > 0 {
		out = min(out, bound)
	}
	return out
}

// room returns what a prompt leaves of the context window. When its upper bound leaves too
// little, the likely size counts. That is an over-count too, so a useful amount is asked for
// in any case: a server refuses what does not fit, which is more useful than a reply of
// one token.
func room(t *Target, f *Facts, input int64) int64 {
	switch {
	case t.Context <= 0:
		return unlimited
	case t.Context-input >= LeastOutput:
		return t.Context - input
	}
	return max(t.Context-f.EstInputTokens, min(LeastOutput, t.Context/2), 1)
}

const unlimited = 1<<63 - 1

// setWorst sets what is the most expensive in each service tier that the request may get.
func (e *Estimate) setWorst(f *Facts) {
	e.worst = worstClass(&e.price, f)
	if e.price.Image > 0 {
		e.Images = int64(f.Images)
	}
	if f.Tier == "" {
		return
	}
	for _, t := range PricedTiers() {
		if in := e.price.Tiers[t]; in != nil && t.mayServe(f.Tier) {
			u := worstClass(in, f)
			u.Tier = t
			e.others = append(e.others, u)
		}
	}
}

// worstClass returns one token of input in the most expensive class that it could be billed
// in, and one of output.
func worstClass(p *Price, f *Facts) Usage {
	u := Usage{Input: 1, Output: 1}
	highest := p.Input
	if f.CacheWrites && p.CacheWrite > highest {
		highest, u.CacheWrite = p.CacheWrite, 1
	}
	if f.CacheWrites && p.CacheWriteLong > highest {
		highest, u.CacheWrite, u.CacheWriteLong = p.CacheWriteLong, 0, 1
	}
	if f.Features.Has(AudioIn) && p.AudioInput > highest {
		highest, u.CacheWrite, u.CacheWriteLong, u.AudioInput = p.AudioInput, 0, 0, 1
	}
	if f.Features.Has(Vision) && p.ImageInput > highest {
		u.CacheWrite, u.CacheWriteLong, u.AudioInput, u.ImageInput = 0, 0, 0, 1
	}
	highest = p.Output
	if f.Features.Has(AudioOut) && p.AudioOutput > highest {
		highest, u.AudioOutput = p.AudioOutput, 1
	}
	if p.ImageOutput > highest { // a model that makes pictures may do so unasked
		u.AudioOutput, u.ImageOutput = 0, 1
	}
	return u
}

// Usage returns the worst case when each choice has at most this many tokens.
func (e Estimate) Usage(output int64) Usage {
	worst := e.usageOf(output, &e.worst)
	for i := range e.others {
		if u := e.usageOf(output, &e.others[i]); e.price.Cost(u) > e.price.Cost(worst) {
			worst = u
		}
	}
	return worst
}

// usageOf returns the worst case in one service tier.
func (e *Estimate) usageOf(output int64, worst *Usage) Usage {
	out := Times(output, e.Choices)
	return Usage{
		Input: e.Input, CacheWrite: e.Input * worst.CacheWrite, CacheWriteLong: e.Input * worst.CacheWriteLong,
		AudioInput: e.Input * worst.AudioInput, ImageInput: e.Input * worst.ImageInput, Images: e.Images,
		Output: out, AudioOutput: out * worst.AudioOutput, ImageOutput: out * worst.ImageOutput,
		Searches: e.Searches, Tier: worst.Tier, Estimated: true,
	}
}

// Amounts returns what the worst case takes from limits. An unknown price takes no money.
func (e Estimate) Amounts(output int64) Amounts {
	return e.price.Amounts(e.Usage(output))
}

// Cost returns an upper bound of the cost; meaningless when the price is unknown.
func (e Estimate) Cost() NanoUSD { return e.price.Cost(e.Usage(e.Output)) }

// Ask is what a request asks of its limits: everything that up to Most tokens of output
// for each choice may use, or less, but not less than for Least.
type Ask struct {
	Least, Most int64
	// Amounts is what so much output takes. It never falls when output grows.
	Amounts func(output int64) Amounts
}

// Ask returns what the estimate asks of limits.
func (e Estimate) Ask() Ask { return Ask{Least: e.Least, Most: e.Output, Amounts: e.Amounts} }

// Exactly returns an Ask for these amounts and nothing less.
func Exactly(a Amounts) Ask { return Ask{Amounts: func(int64) Amounts { return a }} }
