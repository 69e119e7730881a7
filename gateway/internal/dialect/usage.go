package dialect

import (
	"errors"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/llm"
)

var errTooLarge = errors.New("reply is larger than the limit")

// counts are the numbers of a usage object in OpenAI's form, with the places where
// providers deviate from it, as their traffic shows.
type counts struct {
	prompt, completion, total          int64
	cached, cachedBeside, hit          int64 // OpenAI's place; Moonshot's; DeepSeek's
	written, writtenLong, audioIn      int64
	reasoning, audioOut                int64
	hasCached, hasHit, hasCachedBeside bool
}

// usageOf reads a usage object; nil when there is none.
func usageOf(raw []byte) *llm.Usage {
	if len(raw) == 0 {
		return nil
	}
	var c counts
	s := scan{b: raw}
	c.read(&s)
	usage := &llm.Usage{
		Input: c.prompt, CacheRead: c.cached, CacheWriteLong: c.writtenLong, AudioInput: c.audioIn,
		CacheWrite: max(c.written-c.writtenLong, 0),
		Output:     c.completion, Reasoning: c.reasoning, AudioOutput: c.audioOut,
	}
	switch {
	case c.hasCached:
	case c.hasHit:
		usage.CacheRead = c.hit
	case c.hasCachedBeside:
		usage.CacheRead = c.cachedBeside
	}
	// xAI leaves reasoning out of completion_tokens; OpenAI and DeepSeek do not.
	if usage.Reasoning > 0 && c.total == usage.Total()+usage.Reasoning {
		usage.Output += usage.Reasoning
	}
	return usage
}

func (c *counts) read(s *scan) {
	if !s.open('{') {
		return
	}
	for first := true; s.more('}', &first); {
		switch string(s.name()) {
		case "prompt_tokens":
			c.prompt, _ = s.count()
		case "completion_tokens":
			c.completion, _ = s.count()
		case "total_tokens":
			c.total, _ = s.count()
		case "prompt_cache_hit_tokens":
			c.hit, c.hasHit = s.count()
		case "cached_tokens":
			c.cachedBeside, c.hasCachedBeside = s.count()
		case "prompt_tokens_details":
			c.readDetails(s, &c.audioIn)
		case "completion_tokens_details":
			c.readDetails(s, &c.audioOut)
		default:
			s.skip(0)
		}
	}
}

// readDetails reads either details object; audio is where its audio tokens go.
func (c *counts) readDetails(s *scan, audio *int64) {
	if !s.open('{') {
		s.skip(0)
		return
	}
	for first := true; s.more('}', &first); {
		switch string(s.name()) {
		case "cached_tokens":
			c.cached, c.hasCached = s.count()
		case "cache_write_tokens":
			c.written, _ = s.count()
		case "cache_write_1h_tokens":
			c.writtenLong, _ = s.count()
		case "reasoning_tokens":
			c.reasoning, _ = s.count()
		case "audio_tokens":
			*audio, _ = s.count()
		default:
			s.skip(0)
		}
	}
}

// count reads a number of tokens: a whole number that is not negative. Anything else
// is none.
func (s *scan) count() (n int64, ok bool) {
	n, err := strconv.ParseInt(string(s.raw()), 10, 64)
	if err != nil || n < 0 {
		return 0, false
	}
	return n, true
}
