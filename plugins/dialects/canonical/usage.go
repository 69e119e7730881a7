package canonical

// Usage is what a reply is charged for, in tokens.
type Usage struct {
	// Known is set when the provider has sent any count that can be read.
	Known bool
	// Prompt includes what was read from and written to the prompt cache.
	Prompt, Completion, CacheRead int64
	// CacheWrite is all that was written, CacheWriteLong its part that is kept for an hour.
	CacheWrite, CacheWriteLong int64
	// Reasoning is part of Completion.
	Reasoning int64
	// WebSearches counts searches, which are charged apart.
	WebSearches int64
	// Advisor is what other models were charged for that the model consulted. They have
	// another price, so it is no part of the rest.
	Advisor int64
}

// Write writes the usage object.
func (u *Usage) Write(w *Writer) {
	w.Literal(`{"prompt_tokens":`)
	w.Int(u.Prompt)
	w.MemberInt("completion_tokens", u.Completion)
	w.MemberInt("total_tokens", u.Prompt+u.Completion)
	w.Literal(`"prompt_tokens_details":{"cached_tokens":`)
	w.Int(u.CacheRead)
	w.MemberInt("cache_write_tokens", u.CacheWrite)
	if u.CacheWriteLong > 0 {
		w.MemberInt("cache_write_1h_tokens", min(u.CacheWriteLong, u.CacheWrite))
	}
	w.Raw(`},"completion_tokens_details":{"reasoning_tokens":`)
	w.Int(min(u.Reasoning, u.Completion))
	w.Byte('}')
	if u.WebSearches > 0 {
		w.Literal(`"server_tool_use":{"web_search_requests":`)
		w.Int(u.WebSearches)
		w.Byte('}')
	}
	if u.Advisor > 0 {
		w.MemberInt("advisor_tokens", u.Advisor)
	}
	w.Close('}')
}
