package wire

import (
	"strconv"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// read reads a usage object.
func (c *counts) read(s *scan) {
	if !s.Open('{') {
		return
	}
	for s.More('}') {
		switch name := s.Name().Raw; string(name) {
		case "prompt_tokens":
			c.prompt = s.count()
		case "completion_tokens":
			c.completion = s.count()
		case "total_tokens":
			c.total = s.count()
		case "input_tokens", "inputTokens", "promptTokenCount", "prompt_eval_count":
			c.input = s.count()
		case "output_tokens", "outputTokens", "candidatesTokenCount", "eval_count":
			c.output = s.count()
		case "prompt_tokens_details", "input_tokens_details":
			c.readDetails(s, &c.audioIn, &c.imageIn)
		case "completion_tokens_details", "output_tokens_details":
			c.readDetails(s, &c.audioOut, &c.imageOut)
		case "server_tool_use":
			c.readSearches(s)
		case "promptTokensDetails":
			c.audioIn, c.imageIn = s.mediaOf()
		case "candidatesTokensDetails":
			c.audioOut, c.imageOut = s.mediaOf()
		default:
			c.readRest(s, name)
		}
	}
}

// mediaOf reads Google's list of counts by what they are of, and returns those of sound and of
// pictures.
func (s *scan) mediaOf() (sound, pictures int64) {
	if !s.enter('[') {
		return 0, 0
	}
	for s.More(']') {
		if !s.enter('{') {
			continue
		}
		var kind []byte
		count := int64(0)
		for s.More('}') {
			switch string(s.Name().Raw) {
			case "modality":
				kind = s.string()
			case "tokenCount":
				count = s.count()
			default:
				s.Skip()
			}
		}
		switch string(kind) {
		case "AUDIO":
			sound = count
		case "IMAGE":
			pictures = count
		}
	}
	return sound, pictures
}

// readRest reads a member if it is one of the rarer ones.
func (c *counts) readRest(s *scan, name []byte) {
	switch string(name) {
	case "prompt_cache_hit_tokens":
		c.hit = s.count()
	case "cached_tokens", "cachedContentTokenCount":
		c.cachedBeside = s.count()
	case "cache_read_input_tokens", "cacheReadInputTokens", "cacheReadInputTokenCount":
		c.readApart = s.count()
	case "cache_creation_input_tokens", "cacheWriteInputTokens", "cacheWriteInputTokenCount":
		c.writtenApart = s.count()
	case "toolUsePromptTokenCount":
		c.toolInput = s.count()
	case "thoughtsTokenCount":
		c.thoughts = s.count()
	case "advisor_tokens":
		c.advisor = s.count()
	case "cache_creation":
		c.readCreation(s)
	case "service_tier", "serviceTier", "trafficType", "speed":
		c.setTier(s.string())
	case "iterations":
		c.iterations = s.Raw()
	case "billed_units":
		_, billed := readPass(s.Raw())
		c.billedIn, c.billedOut = billed.input, billed.output
	default:
		s.Skip()
	}
}

// setTier takes a provider's word for the service tier. Anthropic's fast mode is named beside
// one, and sets the price.
func (c *counts) setTier(word []byte) {
	if tier := tierOf(word); tier != "" && c.tier != llm.TierFast {
		c.tier = tier
	}
}

// tierOf is the service tier that a word of a reply means; empty for one that only repeats that
// the provider was to choose.
func tierOf(word []byte) llm.Tier {
	if tier := llm.ParseTier(string(word)); tier != llm.TierAuto {
		return tier
	}
	return ""
}

// readDetails reads either details object; audio and image are where its tokens of these go.
func (c *counts) readDetails(s *scan, audio, image *int64) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		switch string(s.Name().Raw) {
		case "cached_tokens":
			c.cached = s.count()
		case "cache_write_tokens":
			c.written = s.count()
		case "cache_write_1h_tokens":
			c.writtenLong = s.count()
		case "reasoning_tokens", "thinking_tokens":
			c.reasoning = s.count()
		case "audio_tokens":
			*audio = s.count()
		case "image_tokens":
			*image = s.count()
		default:
			s.Skip()
		}
	}
}

func (c *counts) readSearches(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		if string(s.Name().Raw) == "web_search_requests" {
			c.searches = s.count()
		} else {
			s.Skip()
		}
	}
}

// count reads a number of tokens: a whole number that is not negative. Anything else,
// such as a fraction, text or null, is none.
func (s *scan) count() int64 {
	n, err := strconv.ParseInt(string(s.Raw()), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// readCreation reads how Anthropic splits what was written to its cache.
func (c *counts) readCreation(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		if string(s.Name().Raw) == "ephemeral_1h_input_tokens" {
			c.writtenLong = s.count()
		} else {
			s.Skip()
		}
	}
}

// maxPasses bounds the passes that are looked at.
const maxPasses = 1000

// sum counts every pass of a reply of Anthropic's that took several, such as one that
// compacted its context: the totals beside them leave some out that are charged all the
// same. Where another model took over, the totals are right and the passes are not.
func (c *counts) sum() {
	s := newScan(c.iterations)
	if !s.Open('[') {
		return
	}
	var all counts
	passes := 0
	for s.More(']') && passes < maxPasses {
		kind, one := readPass(s.Raw())
		switch string(kind) {
		case "message", "compaction":
			all.add(&one)
			passes++
		case "advisor_message":
			all.advisor = llm.Add(all.advisor, llm.Add(one.apart(), one.output))
		case "fallback_message":
			return
		}
	}
	if passes > 0 {
		c.input, c.output, c.readApart = all.input, all.output, all.readApart
		c.writtenApart, c.writtenLong = all.writtenApart, all.writtenLong
	}
	if all.advisor > 0 {
		c.advisor = all.advisor
	}
}

// readPass reads one pass and its type.
func readPass(raw []byte) (kind []byte, one counts) {
	s := newScan(raw)
	if !s.Open('{') {
		return nil, one
	}
	for s.More('}') {
		switch name := s.Name().Raw; string(name) {
		case "type":
			kind = s.string()
		case "input_tokens":
			one.input = s.count()
		case "output_tokens":
			one.output = s.count()
		default:
			one.readRest(&s, name)
		}
	}
	return kind, one
}

// add adds the counts of a pass.
func (c *counts) add(one *counts) {
	c.input, c.output = llm.Add(c.input, one.input), llm.Add(c.output, one.output)
	c.readApart, c.writtenApart = llm.Add(c.readApart, one.readApart), llm.Add(c.writtenApart, one.writtenApart)
	c.writtenLong = llm.Add(c.writtenLong, one.writtenLong)
}

// apart is the whole prompt where its cached parts, and what tools have read, are counted
// apart.
func (c *counts) apart() int64 {
	return llm.Add(llm.Add(c.input, c.toolInput), llm.Add(c.readApart, c.writtenApart))
}
