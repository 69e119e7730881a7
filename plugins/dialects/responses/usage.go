package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// maxCount bounds what is taken for a number of tokens. It is far above any model's context
// window, and no sum of counts leaves the range of int64.
const maxCount = 1_000_000_000_000

// tokens is what the response counts. The web searches that it does not count itself are
// those seen among its items.
func (m *response) tokens(searches int64) (u canonical.Usage) {
	known := false
	count := func(v canonical.Value) int64 {
		n, ok := v.Whole()
		if !ok || n < 0 || n > maxCount {
			return 0
		}
		known = true
		return n
	}
	for key, v := range m.usage.Members {
		switch string(key) {
		case "input_tokens", "prompt_tokens":
			u.Prompt = count(v)
		case "output_tokens", "completion_tokens":
			u.Completion = count(v)
		}
	}
	u.Known, u.Tier = known, canonical.TierOf(canonical.Text(m.serviceTier))
	inputs := m.usage.Member("input_tokens_details")
	u.CacheRead = count(inputs.Member("cached_tokens"))
	u.CacheWrite = count(inputs.Member("cache_write_tokens"))
	u.ImagePrompt = count(inputs.Member("image_tokens"))
	u.ImageCompletion = count(m.usage.Member("output_tokens_details", "image_tokens"))
	u.Reasoning = count(m.usage.Member("output_tokens_details", "reasoning_tokens"))
	u.WebSearches = max(count(m.toolUsage.Member("web_search", "num_requests")),
		count(m.usage.Member("server_side_tool_usage_details", "web_search_calls")))
	if u.WebSearches == 0 {
		u.WebSearches = searches
	}
	return u
}
