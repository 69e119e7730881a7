package llmtest

import (
	"encoding/json"
	"strings"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Chat is a model's reply, which its methods write in a provider's format. The zero value
// is "Hello there, friend." with 10 tokens in and 5 out.
type Chat struct {
	ID, Model, Text string
	// Thinking is what the model thinks aloud before its text, and Signature what the
	// provider wants back with it.
	Thinking, Signature string
	Tools               []ToolCall
	// Finish is OpenAI's finish_reason; empty means "stop", or "tool_calls" with Tools.
	Finish string
	// Usage is what the reply counts, and with Tier the service tier that it names, in its API's
	// place and words.
	Usage llm.Usage
}

// ToolCall is a function call of the model. Arguments are JSON.
type ToolCall struct{ ID, Name, Arguments string }

func (c Chat) withDefaults() Chat {
	if c.ID == "" {
		c.ID = "chatcmpl-test"
	}
	if c.Model == "" {
		c.Model = "test-model"
	}
	if c.Text == "" && len(c.Tools) == 0 {
		c.Text = "Hello there, friend."
	}
	if c.Finish == "" {
		c.Finish = "stop"
		if len(c.Tools) > 0 {
			c.Finish = "tool_calls"
		}
	}
	if c.Usage == (llm.Usage{Tier: c.Usage.Tier}) {
		c.Usage.Input, c.Usage.Output = 10, 5
	}
	return c
}

type object = map[string]any

// encode panics on values that cannot be encoded, which no caller has.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("llmtest: " + err.Error())
	}
	return b
}

// OpenAI returns the reply as a chat completion.
func (c Chat) OpenAI() string {
	c = c.withDefaults()
	message := object{"role": "assistant", "content": c.Text, "refusal": nil}
	if c.Thinking != "" {
		message["reasoning_content"] = c.Thinking
	}
	if len(c.Tools) > 0 {
		message["tool_calls"] = c.openAITools(false)
	}
	reply := object{
		"id": c.ID, "object": "chat.completion", "created": 1700000000, "model": c.Model,
		"choices": []object{{"index": 0, "message": message, "logprobs": nil, "finish_reason": c.Finish}},
		"usage":   c.openAIUsage(),
	}
	c.setTier(reply, "service_tier", "default")
	return string(encode(reply))
}

func (c Chat) openAITools(indexed bool) []object {
	var calls []object
	for i, t := range c.Tools {
		call := object{"id": t.ID, "type": "function", "function": object{"name": t.Name, "arguments": t.Arguments}}
		if indexed {
			call["index"] = i
		}
		calls = append(calls, call)
	}
	return calls
}

func (c Chat) openAIUsage() object {
	u := object{"prompt_tokens": c.Usage.Input, "completion_tokens": c.Usage.Output, "total_tokens": c.Usage.Total()}
	if c.Usage.CacheRead > 0 {
		u["prompt_tokens_details"] = object{"cached_tokens": c.Usage.CacheRead}
	}
	if c.Usage.Reasoning > 0 {
		u["completion_tokens_details"] = object{"reasoning_tokens": c.Usage.Reasoning}
	}
	return u
}

// OpenAIChunks returns the frames of the reply as a stream, one word each, "[DONE]" last.
// With usage there is the extra chunk that stream_options.include_usage asks for.
func (c Chat) OpenAIChunks(usage bool) [][]byte {
	c = c.withDefaults()
	frames := [][]byte{c.chunk(object{"role": "assistant", "content": ""}, nil)}
	if c.Thinking != "" {
		frames = append(frames, c.chunk(object{"reasoning_content": c.Thinking}, nil))
	}
	for word := range strings.SplitAfterSeq(c.Text, " ") {
		if word != "" {
			frames = append(frames, c.chunk(object{"content": word}, nil))
		}
	}
	for _, call := range c.openAITools(true) {
		frames = append(frames, c.chunk(object{"tool_calls": []object{call}}, nil))
	}
	frames = append(frames, c.chunk(object{}, c.Finish))
	if usage {
		frames = append(frames, c.frame(object{"choices": []object{}, "usage": c.openAIUsage()}))
	}
	return append(frames, framing.AppendData(nil, []byte("[DONE]")))
}

// setTier names the service tier, if the reply has one. standard is the word for the standard one.
func (c Chat) setTier(v object, name, standard string) {
	switch c.Usage.Tier {
	case "":
	case llm.TierStandard:
		v[name] = standard
	default:
		v[name] = string(c.Usage.Tier)
	}
}

func (c Chat) chunk(delta object, finish any) []byte {
	return c.frame(object{"choices": []object{{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish}}})
}

func (c Chat) frame(v object) []byte {
	c.setTier(v, "service_tier", "default")
	v["id"], v["object"], v["created"], v["model"] = c.ID, "chat.completion.chunk", 1700000000, c.Model
	return framing.AppendData(nil, encode(v))
}

// OpenAIError returns an error body in OpenAI's format.
func OpenAIError(kind, code, message string) string {
	return string(encode(object{"error": object{"message": message, "type": kind, "param": nil, "code": code}}))
}
