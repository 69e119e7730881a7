package cohere

import "github.com/penstock/penstock/plugins/dialects/canonical"

// usage counts tokens in Cohere's way: those that the model has read and written, those of
// images apart, and those that are charged.
type usage struct {
	// known is set when there is any count that can be read, billed when there is one of what
	// is charged.
	known, billed             bool
	input, output, images     int64
	cached, reasoning         int64
	billedInput, billedOutput int64
}

// maxCount bounds what is taken for a number of tokens: no sum of counts leaves the range of
// int64.
const maxCount = 1_000_000_000_000

// canonical counts in OpenAI's way. Where there are only the counts that are charged, they
// stand for the others.
func (u *usage) canonical() canonical.Usage {
	c := canonical.Usage{Known: u.known, Prompt: u.input + u.images, Completion: u.output, Reasoning: u.reasoning,
		Billed: u.billed, BilledPrompt: u.billedInput, BilledCompletion: u.billedOutput}
	if c.Prompt == 0 {
		c.Prompt = u.billedInput
	}
	if c.Completion == 0 {
		c.Completion = u.billedOutput
	}
	c.CacheRead = min(u.cached, c.Prompt)
	return c
}

// read takes the counts that v names.
func (u *usage) read(v canonical.Value) {
	for key, member := range v.Members {
		switch string(key) {
		case "tokens":
			u.readTokens(member)
		case "billed_units":
			u.billed = u.set(&u.billedInput, member.Member("input_tokens")) || u.billed
			u.billed = u.set(&u.billedOutput, member.Member("output_tokens")) || u.billed
		case "cached_tokens":
			u.set(&u.cached, member)
		}
	}
}

func (u *usage) readTokens(v canonical.Value) {
	for key, member := range v.Members {
		switch string(key) {
		case "input_tokens":
			u.set(&u.input, member)
		case "output_tokens":
			u.set(&u.output, member)
		case "image_tokens":
			u.set(&u.images, member)
		case "reasoning_tokens":
			u.set(&u.reasoning, member)
		}
	}
}

// set takes a count and reports whether it is one. Cohere's are numbers that need not be
// written as whole ones.
func (u *usage) set(field *int64, v canonical.Value) bool {
	x, ok := v.Number()
	if !ok || !(x >= 0 && x <= maxCount) {
		return false
	}
	u.known = true
	*field = int64(x)
	return true
}
