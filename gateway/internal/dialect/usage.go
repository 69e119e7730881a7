package dialect

import (
	"errors"

	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llm"
)

var errTooLarge = errors.New("reply is larger than the limit")

// usageOf reads a usage object in OpenAI's form, with the deviations of providers
// that are known from their traffic.
func usageOf(raw []byte) *llm.Usage {
	if len(raw) == 0 {
		return nil
	}
	u := gjson.ParseBytes(raw)
	in, out := u.Get("prompt_tokens_details"), u.Get("completion_tokens_details")
	usage := &llm.Usage{
		Input:          u.Get("prompt_tokens").Int(),
		CacheRead:      firstInt(in.Get("cached_tokens"), u.Get("prompt_cache_hit_tokens"), u.Get("cached_tokens")),
		CacheWriteLong: in.Get("cache_write_1h_tokens").Int(),
		AudioInput:     in.Get("audio_tokens").Int(),
		Output:         u.Get("completion_tokens").Int(),
		Reasoning:      out.Get("reasoning_tokens").Int(),
		AudioOutput:    out.Get("audio_tokens").Int(),
	}
	usage.CacheWrite = max(in.Get("cache_write_tokens").Int()-usage.CacheWriteLong, 0)
	// xAI leaves reasoning out of completion_tokens; OpenAI and DeepSeek do not.
	if total := u.Get("total_tokens").Int(); usage.Reasoning > 0 && total == usage.Total()+usage.Reasoning {
		usage.Output += usage.Reasoning
	}
	return usage
}

func firstInt(rs ...gjson.Result) int64 {
	for _, r := range rs {
		if r.Type == gjson.Number {
			return r.Int()
		}
	}
	return 0
}
