package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// usage counts tokens in Google's way: the answer excludes the thoughts, and the prompt what
// Google's own tools have read.
type usage struct {
	// known is set when the provider has sent any count that can be read.
	known                           bool
	prompt, tools, answer, thoughts int64
	// cached is part of prompt; audioIn and imageIn are parts of prompt, audioOut and imageOut of
	// answer.
	cached, audioIn, audioOut, imageIn, imageOut int64
}

// maxCount bounds what is taken for a number of tokens. It is far above any model's context
// window, and no sum of counts leaves the range of int64.
const maxCount = 1_000_000_000_000

// read takes in a usageMetadata. Its counts are totals, so those of a later event of a stream
// replace those of an earlier one: of the prompt and of the answer, if it has any of either.
func (u *usage) read(v canonical.Value) {
	var now usage
	now.readCounts(v)
	u.known = u.known || now.known
	if now.prompt+now.tools > 0 {
		u.prompt, u.tools, u.cached, u.audioIn = now.prompt, now.tools, now.cached, now.audioIn
		u.imageIn = now.imageIn
	}
	if now.answer+now.thoughts > 0 {
		u.answer, u.thoughts, u.audioOut = now.answer, now.thoughts, now.audioOut
		u.imageOut = now.imageOut
	}
}

func (u *usage) readCounts(v canonical.Value) {
	for key, member := range v.Members {
		switch string(key) {
		case "promptTokenCount":
			u.set(&u.prompt, member)
		case "toolUsePromptTokenCount":
			u.set(&u.tools, member)
		case "candidatesTokenCount":
			u.set(&u.answer, member)
		case "thoughtsTokenCount":
			u.set(&u.thoughts, member)
		case "cachedContentTokenCount":
			u.set(&u.cached, member)
		case "promptTokensDetails":
			u.set(&u.audioIn, countOf("AUDIO", member))
			u.set(&u.imageIn, countOf("IMAGE", member))
		case "candidatesTokensDetails":
			u.set(&u.audioOut, countOf("AUDIO", member))
			u.set(&u.imageOut, countOf("IMAGE", member))
		}
	}
}

// countOf is the count of a list that is for one kind of content.
func countOf(modality string, list canonical.Value) canonical.Value {
	for v := range list.Items {
		if string(canonical.Text(v.Member("modality"))) == modality {
			return v.Member("tokenCount")
		}
	}
	return nil
}

// set takes a count. What is not a whole number, negative or beyond reason is ignored.
func (u *usage) set(field *int64, v canonical.Value) {
	n, ok := v.Whole()
	if !ok || n < 0 || n > maxCount {
		return
	}
	*field, u.known = n, true
}

// canonical counts in OpenAI's way.
func (u *usage) canonical() canonical.Usage {
	return canonical.Usage{Known: u.known, Prompt: u.prompt + u.tools, Completion: u.answer + u.thoughts, CacheRead: u.cached,
		Reasoning: u.thoughts, AudioPrompt: u.audioIn, AudioCompletion: u.audioOut, ImagePrompt: u.imageIn, ImageCompletion: u.imageOut}
}

// tokens is the usage of a plain reply.
func (m *reply) tokens() canonical.Usage {
	var u usage
	u.read(m.usage)
	total := u.canonical()
	total.WebSearches = m.searches()
	return total
}

// searches counts the web searches of a reply that are charged: each one, or by older models
// all of them together.
func (m *reply) searches() (n int64) {
	for v := range m.candidates.Items {
		for range v.Member("groundingMetadata", "webSearchQueries").Items {
			n++
		}
	}
	if g := generationOf(canonical.Text(m.model)); g.version < 300 {
		return min(n, 1)
	}
	return n
}
