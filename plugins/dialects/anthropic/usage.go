package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// usage counts tokens in Anthropic's way: input excludes what was read from and written to
// the prompt cache.
type usage struct {
	// known is set when there is any count that can be read.
	known         bool
	input, output int64
	cacheRead     int64
	// cacheWrite is all that was written, cacheWriteLong its part that is kept for an hour.
	cacheWrite, cacheWriteLong int64
	thinking                   int64
	// searches are web searches, which are charged apart.
	searches int64
	// advisor counts the tokens of other models that were consulted. They have another price,
	// so they are no part of the rest.
	advisor int64
	// tier is the service tier, which the beginning of a stream names.
	tier canonical.Tier
}

// maxCount bounds what is taken for a number of tokens. It is far above any model's context
// window, and no sum of counts leaves the range of int64.
const maxCount = 1_000_000_000_000

// usageOf is the usage of a plain reply.
func usageOf(v canonical.Value) canonical.Usage {
	var u usage
	u.read(v)
	return u.canonical()
}

// canonical counts in OpenAI's way.
func (u *usage) canonical() canonical.Usage {
	return canonical.Usage{Known: u.known, Prompt: u.prompt(), Completion: u.output, CacheRead: u.cacheRead,
		CacheWrite: u.cacheWrite, CacheWriteLong: u.cacheWriteLong, Reasoning: u.thinking,
		WebSearches: u.searches, Advisor: u.advisor, Tier: u.tier}
}

// prompt is the whole prompt in tokens.
func (u *usage) prompt() int64 { return u.input + u.cacheRead + u.cacheWrite }

// read takes the counts that v names. They are totals, so a later one in a stream replaces an
// earlier one; a later zero does not.
func (u *usage) read(v canonical.Value) {
	var iterations canonical.Value
	for key, member := range v.Members {
		switch string(key) {
		case "output_tokens_details":
			u.set(&u.thinking, member.Member("thinking_tokens"))
		case "server_tool_use":
			u.set(&u.searches, member.Member("web_search_requests"))
		case "iterations":
			iterations = member
		case "service_tier", "speed":
			u.tier = max(u.tier, canonical.TierOf(canonical.Text(member)))
		default:
			u.readTokens(key, member)
		}
	}
	u.sum(iterations)
}

// readTokens reads one count, by Anthropic's name or, as some services that imitate it have
// it, by OpenAI's.
func (u *usage) readTokens(key []byte, v canonical.Value) {
	switch string(key) {
	case "input_tokens", "prompt_tokens":
		u.set(&u.input, v)
	case "output_tokens", "completion_tokens":
		u.set(&u.output, v)
	case "cache_read_input_tokens":
		u.set(&u.cacheRead, v)
	case "cache_creation_input_tokens":
		u.set(&u.cacheWrite, v)
	case "cache_creation":
		u.set(&u.cacheWriteLong, v.Member("ephemeral_1h_input_tokens"))
	}
}

// sum counts every pass of a reply that took several, such as one that compacted its context:
// the totals beside them leave some out that are charged all the same. Where another model
// took over, the totals are right and the passes are not.
func (u *usage) sum(iterations canonical.Value) {
	sum := usage{known: u.known, thinking: u.thinking, searches: u.searches, tier: u.tier}
	passes := 0
	for v := range iterations.Items {
		switch string(canonical.Text(v.Member("type"))) {
		case "message", "compaction":
			sum.add(v)
			passes++
		case "advisor_message":
			var one usage
			one.add(v)
			sum.advisor += one.prompt() + one.output
		case "fallback_message":
			return
		}
	}
	if passes > 0 {
		*u = sum
	} else if sum.advisor > 0 {
		u.advisor = sum.advisor
	}
}

// add adds the counts of one pass.
func (u *usage) add(pass canonical.Value) {
	var one usage
	for key, member := range pass.Members {
		one.readTokens(key, member)
	}
	u.input += one.input
	u.output += one.output
	u.cacheRead += one.cacheRead
	u.cacheWrite += one.cacheWrite
	u.cacheWriteLong += one.cacheWriteLong
}

// set takes a count. It ignores what is not a whole number, negative or above maxCount.
func (u *usage) set(field *int64, v canonical.Value) {
	n, ok := v.Whole()
	if !ok || n < 0 || n > maxCount {
		return
	}
	u.known = true
	if n > 0 {
		*field = n
	}
}
