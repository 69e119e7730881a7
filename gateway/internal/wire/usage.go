package wire

import (
	"cmp"
	"errors"

	"github.com/penstock/penstock/gateway/internal/llm"
)

var errTooLarge = errors.New("reply is larger than the limit")

// bounds are the most tokens, in and out, that a provider's count is believed for. What is
// above them is no count, and an estimate takes its place.
type bounds struct{ input, output int64 }

// unknownWindow stands in for the context window of a target that nobody knows one of,
// in tokens; rereads is how often a reply made in several passes may read its prompt.
const (
	unknownWindow = 1_000_000
	rereads       = 4
)

// boundsOf bounds the counts of one exchange by the context window and, in case that is
// configured too small, by the bytes sent. Translated dialects may add up several passes.
func boundsOf(x *llm.Exchange) bounds {
	req := x.Request
	if x.Sent != nil {
		req = x.Sent
	}
	window := x.Target.Context
	if window <= 0 {
		window = unknownWindow
	}
	b := bounds{input: max(window, llm.EstimateOf(x.Target, &req.Facts, 0, 0).Input),
		output: llm.Times(window, int64(max(req.Facts.Choices, 1)))}
	if x.Target.Dialect != llm.OpenAI {
		b.input, b.output = llm.Times(b.input, rereads), llm.Times(b.output, rereads)
	}
	return b
}

// counts are the numbers of a usage object in OpenAI's form, with the places where
// providers deviate from it, as their traffic shows. Zero means that a count is missing: a count of
// nothing is none.
type counts struct {
	prompt, completion, total int64
	cached, written           int64 // in the details
	writtenLong               int64
	audioIn, imageIn          int64
	reasoning                 int64
	audioOut, imageOut        int64
	cachedBeside, hit         int64 // Moonshot's, DeepSeek's
	// input and output are the names of other dialects, which leave out of input what
	// was read from or written to a cache, and thoughts what Gemini leaves out of output.
	input, output               int64
	toolInput                   int64 // of Gemini's prompt
	readApart, writtenApart     int64
	thoughts, searches, advisor int64
	// billedIn and billedOut are what Cohere charges for.
	billedIn, billedOut int64
	// tier is the service tier, where the usage names it.
	tier llm.Tier
	// iterations is Anthropic's list of the passes of a reply that took several.
	iterations []byte
}

// usageOf reads a usage object. It is nil when there is none or it says nothing that
// can be read.
func usageOf(raw []byte, b bounds) *llm.Usage {
	if len(raw) == 0 {
		return nil
	}
	var c counts
	s := newScan(raw)
	c.read(&s)
	c.sum()
	usage := c.usage()
	bound(&usage, b)
	if usage == (llm.Usage{}) {
		return nil
	}
	return &usage
}

// usage puts the counts together.
func (c *counts) usage() llm.Usage {
	u := llm.Usage{
		Input: c.prompt, CacheRead: firstOf(c.cached, c.hit, c.cachedBeside), CacheWrite: max(c.written-c.writtenLong, 0),
		CacheWriteLong: c.writtenLong, AudioInput: c.audioIn, ImageInput: c.imageIn,
		Output: c.completion, Reasoning: firstOf(c.reasoning, c.thoughts), AudioOutput: c.audioOut, ImageOutput: c.imageOut,
		Searches: c.searches, Advisor: c.advisor, BilledInput: c.billedIn, BilledOutput: c.billedOut, Tier: c.tier,
	}
	if u.Input == 0 && c.input > 0 {
		u.Input = c.apart()
		u.CacheRead, u.CacheWrite = firstOf(u.CacheRead, c.readApart), firstOf(u.CacheWrite, c.writtenApart-c.writtenLong)
	}
	if u.Output == 0 && llm.Add(c.output, c.thoughts) > 0 {
		u.Output = llm.Add(c.output, c.thoughts)
	}
	// xAI leaves reasoning out of completion_tokens; OpenAI and DeepSeek do not.
	if u.Reasoning > 0 && c.total == llm.Add(u.Total(), u.Reasoning) {
		u.Output = llm.Add(u.Output, u.Reasoning)
	}
	return u
}

// firstOf is the first count that says something.
func firstOf(counts ...int64) int64 {
	for _, n := range counts {
		if n > 0 {
			return n
		}
	}
	return 0
}

// bound drops counts beyond belief and holds details to their totals.
func bound(u *llm.Usage, b bounds) {
	passes := llm.Add(1, min(u.Searches, maxSearches)) // each search is read with the prompt once more
	if u.Input > llm.Times(b.input, passes) {
		u.Input = 0
	}
	if u.Output > llm.Times(b.output, passes) {
		u.Output = 0
	}
	if u.BilledInput > llm.Times(b.input, passes) || u.BilledOutput > llm.Times(b.output, passes) {
		u.BilledInput, u.BilledOutput = 0, 0
	}
	u.CacheRead = min(u.CacheRead, u.Input)
	u.CacheWriteLong = min(u.CacheWriteLong, u.Input-u.CacheRead)
	u.CacheWrite = min(u.CacheWrite, u.Input-u.CacheRead-u.CacheWriteLong)
	u.AudioInput = min(u.AudioInput, u.Input-u.CacheRead-u.CacheWriteLong-u.CacheWrite)
	u.ImageInput = min(u.ImageInput, u.Input-u.CacheRead-u.CacheWriteLong-u.CacheWrite-u.AudioInput)
	u.Reasoning, u.AudioOutput = min(u.Reasoning, u.Output), min(u.AudioOutput, u.Output)
	u.ImageOutput = min(u.ImageOutput, u.Output-u.AudioOutput)
	u.Searches, u.Advisor = min(u.Searches, maxSearches), min(u.Advisor, llm.Times(b.input, 1+rereads))
}

// maxSearches bounds the web searches that are believed of one reply.
const maxSearches = 1000

// later takes over the counts that a later usage object of a stream names: they are
// totals, so that the last one counts, but a zero never replaces a count.
func later(had, now *llm.Usage) *llm.Usage {
	switch {
	case now == nil:
		return had
	case had == nil:
		return now
	}
	u := *had
	if now.Input > 0 {
		u.Input, u.CacheRead, u.CacheWrite = now.Input, now.CacheRead, now.CacheWrite
		u.CacheWriteLong, u.AudioInput, u.ImageInput = now.CacheWriteLong, now.AudioInput, now.ImageInput
	}
	if now.Output > 0 {
		u.Output, u.Reasoning, u.AudioOutput, u.ImageOutput = now.Output, now.Reasoning, now.AudioOutput, now.ImageOutput
	}
	if now.BilledInput > 0 || now.BilledOutput > 0 {
		u.BilledInput, u.BilledOutput = now.BilledInput, now.BilledOutput
	}
	u.Searches, u.Advisor, u.Tier = max(u.Searches, now.Searches), max(u.Advisor, now.Advisor), cmp.Or(now.Tier, u.Tier)
	return &u
}
