package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeUsage writes usage as Anthropic counts: the input without what was read from and
// written to the prompt cache. What nobody has counted is 0, because clients expect numbers.
func writeUsage(w *canonical.Writer, u *canonical.Usage, tier []byte) {
	w.Name("usage")
	w.Open('{')
	w.MemberInt("input_tokens", u.Prompt-u.CacheRead-u.CacheWrite)
	w.MemberInt("cache_creation_input_tokens", u.CacheWrite)
	w.MemberInt("cache_read_input_tokens", u.CacheRead)
	if u.CacheWrite > 0 {
		w.Name("cache_creation")
		w.Open('{')
		w.MemberInt("ephemeral_5m_input_tokens", u.CacheWrite-u.CacheWriteLong)
		w.MemberInt("ephemeral_1h_input_tokens", u.CacheWriteLong)
		w.Close('}')
	}
	w.MemberInt("output_tokens", u.Completion)
	if u.Reasoning > 0 {
		w.Name("output_tokens_details")
		w.Open('{')
		w.MemberInt("thinking_tokens", u.Reasoning)
		w.Close('}')
	}
	if u.WebSearches > 0 {
		w.Name("server_tool_use")
		w.Open('{')
		w.MemberInt("web_search_requests", u.WebSearches)
		w.Close('}')
	}
	switch string(tier) {
	case "default":
		w.MemberLiteral("service_tier", `"standard"`)
	case "priority":
		w.MemberLiteral("service_tier", `"priority"`)
	}
	w.Close('}')
}
