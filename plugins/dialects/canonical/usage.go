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
	// AudioPrompt and AudioCompletion are parts of Prompt and Completion.
	AudioPrompt, AudioCompletion int64
	// ImagePrompt and ImageCompletion are the same of pictures.
	ImagePrompt, ImageCompletion int64
	// WebSearches counts searches, which are charged apart.
	WebSearches int64
	// Advisor is what other models were charged for that the model consulted. They have
	// another price, so it is no part of the rest.
	Advisor int64
	// Billed is set when the provider charges for other counts than those above, which are
	// then BilledPrompt and BilledCompletion.
	Billed                         bool
	BilledPrompt, BilledCompletion int64
	// Tier is what the provider says it served the request in. It stands beside the usage
	// object, not in it.
	Tier Tier
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
	if u.AudioPrompt > 0 {
		w.MemberInt("audio_tokens", min(u.AudioPrompt, u.Prompt))
	}
	if u.ImagePrompt > 0 {
		w.MemberInt("image_tokens", min(u.ImagePrompt, u.Prompt))
	}
	w.Raw(`},"completion_tokens_details":{"reasoning_tokens":`)
	w.Int(min(u.Reasoning, u.Completion))
	if u.AudioCompletion > 0 {
		w.MemberInt("audio_tokens", min(u.AudioCompletion, u.Completion))
	}
	if u.ImageCompletion > 0 {
		w.MemberInt("image_tokens", min(u.ImageCompletion, u.Completion))
	}
	w.Byte('}')
	if u.WebSearches > 0 {
		w.Literal(`"server_tool_use":{"web_search_requests":`)
		w.Int(u.WebSearches)
		w.Byte('}')
	}
	if u.Advisor > 0 {
		w.MemberInt("advisor_tokens", u.Advisor)
	}
	if u.Billed {
		w.Literal(`"billed_units":{"input_tokens":`)
		w.Int(u.BilledPrompt)
		w.MemberInt("output_tokens", u.BilledCompletion)
		w.Byte('}')
	}
	w.Close('}')
}

// ReadUsage reads the usage object of a completion or a chunk, with the names that services
// have for what was read from the cache.
func ReadUsage(v Value) (u Usage) {
	var total int64
	for key, member := range v.Members {
		switch string(key) {
		case "prompt_tokens":
			u.Prompt = count(member)
		case "completion_tokens":
			u.Completion = count(member)
		case "total_tokens":
			total = count(member)
		case "prompt_tokens_details":
			u.readPrompt(member)
		case "completion_tokens_details":
			u.Reasoning, u.AudioCompletion = count(member.Member("reasoning_tokens")), count(member.Member("audio_tokens"))
		case "prompt_cache_hit_tokens", "cached_tokens":
			u.CacheRead = max(u.CacheRead, count(member))
		case "server_tool_use":
			u.WebSearches = count(member.Member("web_search_requests"))
		case "advisor_tokens":
			u.Advisor = count(member)
		case "billed_units":
			u.Billed = true
			u.BilledPrompt, u.BilledCompletion = count(member.Member("input_tokens")), count(member.Member("output_tokens"))
		}
	}
	if u.Reasoning > 0 && total == u.Prompt+u.Completion+u.Reasoning {
		u.Completion += u.Reasoning // xAI leaves it out
	}
	u.CacheRead = min(u.CacheRead, u.Prompt)
	u.CacheWrite = min(u.CacheWrite, u.Prompt-u.CacheRead)
	u.CacheWriteLong = min(u.CacheWriteLong, u.CacheWrite)
	u.Known = u.Prompt > 0 || u.Completion > 0
	return u
}

func (u *Usage) readPrompt(details Value) {
	for key, member := range details.Members {
		switch string(key) {
		case "cached_tokens":
			u.CacheRead = max(u.CacheRead, count(member))
		case "cache_write_tokens":
			u.CacheWrite = count(member)
		case "cache_write_1h_tokens":
			u.CacheWriteLong = count(member)
		case "audio_tokens":
			u.AudioPrompt = count(member)
		}
	}
}

// maxCount bounds what is taken for a number of tokens: no sum of counts leaves the range of
// int64.
const maxCount = 1_000_000_000_000

// count reads a number of tokens; what can't be one is 0.
func count(v Value) int64 {
	if n := Whole(v); n > 0 && n <= maxCount {
		return n
	}
	return 0
}
