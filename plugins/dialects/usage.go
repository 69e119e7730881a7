package main

import "github.com/valyala/fastjson"

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
func (u *usage) read(v *fastjson.Value) {
	u.known = u.known || v.GetObject() != nil
	u.readTokens(v)
	set(&u.thinking, v.Get("output_tokens_details", "thinking_tokens"))
	set(&u.searches, v.Get("server_tool_use", "web_search_requests"))
	if iterations := v.GetArray("iterations"); len(iterations) > 0 {
		u.sum(iterations)
	}
}

func (u *usage) readTokens(v *fastjson.Value) {
	set(&u.input, v.Get("input_tokens"))
	set(&u.output, v.Get("output_tokens"))
	set(&u.cacheRead, v.Get("cache_read_input_tokens"))
	set(&u.cacheWrite, v.Get("cache_creation_input_tokens"))
	set(&u.cacheWriteLong, v.Get("cache_creation", "ephemeral_1h_input_tokens"))
}

// sum counts every pass of a reply that took several, such as one that compacted
// its context: the totals beside them leave some out that are charged all the same.
func (u *usage) sum(iterations []*fastjson.Value) {
	sum := usage{known: true, thinking: u.thinking, searches: u.searches}
	for _, v := range iterations {
		var one usage
		one.readTokens(v)
		sum.input += one.input
		sum.output += one.output
		sum.cacheRead += one.cacheRead
		sum.cacheWrite += one.cacheWrite
		sum.cacheWriteLong += one.cacheWriteLong
	}
	*u = sum
}

func set(field *int64, v *fastjson.Value) {
	if !missing(v) {
		*field = max(v.GetInt64(), 0)
	}
}

// prompt is the whole prompt in tokens, as OpenAI counts it.
func (u *usage) prompt() int64 { return u.input + u.cacheRead + u.cacheWrite }

// write writes the counts as OpenAI's usage object.
func (u *usage) write(w *writer) {
	w.open('{')
	w.memberInt("prompt_tokens", u.prompt())
	w.memberInt("completion_tokens", u.output)
	w.memberInt("total_tokens", u.prompt()+u.output)
	w.name("prompt_tokens_details")
	w.open('{')
	w.memberInt("cached_tokens", u.cacheRead)
	w.memberInt("cache_write_tokens", u.cacheWrite)
	if u.cacheWriteLong > 0 {
		w.memberInt("cache_write_1h_tokens", u.cacheWriteLong)
	}
	w.close('}')
	w.name("completion_tokens_details")
	w.open('{')
	w.memberInt("reasoning_tokens", u.thinking)
	w.close('}')
	if u.searches > 0 {
		w.name("server_tool_use")
		w.open('{')
		w.memberInt("web_search_requests", u.searches)
		w.close('}')
	}
	w.close('}')
}
