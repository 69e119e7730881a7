package llmtest

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/framing"
)

// Completion returns the reply as one of OpenAI's completions API.
func (c Chat) Completion() string {
	c = c.withDefaults()
	v := c.piece(c.Text, c.Finish)
	v["usage"] = c.openAIUsage()
	return string(encode(v))
}

// CompletionPieces returns the frames of such a reply as a stream, one word each, "[DONE]"
// last. With usage there is the extra one that stream_options.include_usage asks for.
func (c Chat) CompletionPieces(usage bool) (frames [][]byte) {
	c = c.withDefaults()
	for word := range strings.SplitAfterSeq(c.Text, " ") {
		frames = append(frames, framing.AppendData(nil, encode(c.piece(word, nil))))
	}
	frames = append(frames, framing.AppendData(nil, encode(c.piece("", c.Finish))))
	if usage {
		v := c.piece("", nil)
		v["choices"], v["usage"] = []object{}, c.openAIUsage()
		frames = append(frames, framing.AppendData(nil, encode(v)))
	}
	return append(frames, framing.AppendData(nil, []byte("[DONE]")))
}

// piece is a completion with a text.
func (c Chat) piece(text string, finish any) object {
	return object{"id": "cmpl-test", "object": "text_completion", "created": 1700000000, "model": c.Model,
		"choices": []object{{"index": 0, "text": text, "logprobs": nil, "finish_reason": finish}}}
}
