package main

// usage counts tokens in Anthropic's way: input excludes what was read from and
// written to the prompt cache.
type usage struct {
	// known says that the provider has counted at all.
	known         bool
	input, output int64
	cacheRead     int64
	// cacheWrite is all that was written, cacheWriteLong its part that lives an hour.
	cacheWrite, cacheWriteLong int64
	thinking                   int64
	// searches are web searches, which are charged apart.
	searches int64
}

// read takes over the counts that v names. They are totals, so a later one in a
// stream replaces an earlier one.
func (u *usage) read(v value) {
	u.known = u.known || v.Kind() == '{'
	var iterations value
	for key, member := range v.Members {
		switch string(key) {
		case "output_tokens_details":
			set(&u.thinking, member.Member("thinking_tokens"))
		case "server_tool_use":
			set(&u.searches, member.Member("web_search_requests"))
		case "iterations":
			iterations = member
		default:
			u.readTokens(key, member)
		}
	}
	if filled(iterations) {
		u.sum(iterations)
	}
}

func (u *usage) readTokens(key []byte, v value) {
	switch string(key) {
	case "input_tokens":
		set(&u.input, v)
	case "output_tokens":
		set(&u.output, v)
	case "cache_read_input_tokens":
		set(&u.cacheRead, v)
	case "cache_creation_input_tokens":
		set(&u.cacheWrite, v)
	case "cache_creation":
		set(&u.cacheWriteLong, v.Member("ephemeral_1h_input_tokens"))
	}
}

// sum counts every pass of a reply that took several, such as one that compacted
// its context: the totals beside them leave some out that are charged all the same.
func (u *usage) sum(iterations value) {
	sum := usage{known: true, thinking: u.thinking, searches: u.searches}
	for v := range iterations.Items {
		var one usage
		for key, member := range v.Members {
			one.readTokens(key, member)
		}
		sum.input += one.input
		sum.output += one.output
		sum.cacheRead += one.cacheRead
		sum.cacheWrite += one.cacheWrite
		sum.cacheWriteLong += one.cacheWriteLong
	}
	*u = sum
}

func set(field *int64, v value) {
	if !v.Null() {
		*field = max(number(v), 0)
	}
}

// prompt is the whole prompt in tokens, as OpenAI counts it.
func (u *usage) prompt() int64 { return u.input + u.cacheRead + u.cacheWrite }

// write writes the counts as OpenAI's usage object.
func (u *usage) write(w *writer) {
	w.literal(`{"prompt_tokens":`)
	w.int(u.prompt())
	w.memberInt("completion_tokens", u.output)
	w.memberInt("total_tokens", u.prompt()+u.output)
	w.literal(`"prompt_tokens_details":{"cached_tokens":`)
	w.int(u.cacheRead)
	w.memberInt("cache_write_tokens", u.cacheWrite)
	if u.cacheWriteLong > 0 {
		w.memberInt("cache_write_1h_tokens", u.cacheWriteLong)
	}
	w.add(`},"completion_tokens_details":{"reasoning_tokens":`)
	w.int(u.thinking)
	w.close('}')
	if u.searches > 0 {
		w.literal(`"server_tool_use":{"web_search_requests":`)
		w.int(u.searches)
		w.close('}')
	}
	w.close('}')
}
