package llmtest

import (
	"encoding/json"
	"strings"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Anthropic returns the reply as an Anthropic message.
func (c Chat) Anthropic() string {
	c = c.withDefaults()
	content := []object{}
	if c.Thinking != "" {
		content = append(content, object{"type": "thinking", "thinking": c.Thinking, "signature": c.Signature})
	}
	if c.Text != "" {
		content = append(content, object{"type": "text", "text": c.Text})
	}
	for _, t := range c.Tools {
		content = append(content, object{"type": "tool_use", "id": t.ID, "name": t.Name, "input": json.RawMessage(t.Arguments)})
	}
	m := c.message()
	m["content"], m["stop_reason"] = content, c.stopReason()
	return string(encode(m))
}

func (c Chat) message() object {
	return object{"id": c.ID, "type": "message", "role": "assistant", "model": c.Model,
		"content": []object{}, "stop_reason": nil, "stop_sequence": nil, "usage": c.anthropicUsage()}
}

func (c Chat) anthropicUsage() object {
	u := c.Usage
	v := object{"input_tokens": u.Input - u.CacheRead - u.CacheWrite, "cache_read_input_tokens": u.CacheRead,
		"cache_creation_input_tokens": u.CacheWrite, "output_tokens": u.Output}
	if u.Tier == llm.TierFast { // a mode beside the tier
		v["service_tier"], v["speed"] = "standard", "fast"
	} else {
		c.setTier(v, "service_tier", "standard")
	}
	return v
}

func (c Chat) stopReason() string {
	switch c.Finish {
	case "length":
		return "max_tokens"
	case "tool_calls":
		return "tool_use"
	case "content_filter":
		return "refusal"
	}
	return "end_turn"
}

// AnthropicEvents returns the frames of the reply as Anthropic streams it, one word each.
func (c Chat) AnthropicEvents() [][]byte {
	c = c.withDefaults()
	frames := [][]byte{event("message_start", object{"message": c.message()})}
	block := 0
	if c.Thinking != "" {
		frames = append(frames, c.thinkingBlock()...)
		block++
	}
	if c.Text != "" {
		frames = append(frames, c.textBlock(block)...)
		block++
	}
	for _, t := range c.Tools {
		frames = append(frames, toolBlock(block, t)...)
		block++
	}
	return append(frames,
		event("message_delta", object{"delta": object{"stop_reason": c.stopReason(), "stop_sequence": nil},
			"usage": object{"output_tokens": c.Usage.Output}}),
		event("message_stop", object{}))
}

func (c Chat) textBlock(index int) [][]byte {
	frames := [][]byte{event("content_block_start", object{"index": index, "content_block": object{"type": "text", "text": ""}})}
	for word := range strings.SplitAfterSeq(c.Text, " ") {
		frames = append(frames, event("content_block_delta", object{"index": index, "delta": object{"type": "text_delta", "text": word}}))
	}
	return append(frames, event("content_block_stop", object{"index": index}))
}

func (c Chat) thinkingBlock() [][]byte {
	delta := func(kind, name, value string) []byte {
		return event("content_block_delta", object{"index": 0, "delta": object{"type": kind, name: value}})
	}
	return [][]byte{
		event("content_block_start", object{"index": 0, "content_block": object{"type": "thinking", "thinking": "", "signature": ""}}),
		delta("thinking_delta", "thinking", c.Thinking), delta("signature_delta", "signature", c.Signature),
		event("content_block_stop", object{"index": 0}),
	}
}

func toolBlock(index int, t ToolCall) [][]byte {
	half := len(t.Arguments) / 2
	delta := func(part string) []byte {
		return event("content_block_delta", object{"index": index, "delta": object{"type": "input_json_delta", "partial_json": part}})
	}
	return [][]byte{
		event("content_block_start", object{"index": index,
			"content_block": object{"type": "tool_use", "id": t.ID, "name": t.Name, "input": object{}}}),
		delta(""), delta(t.Arguments[:half]), delta(t.Arguments[half:]),
		event("content_block_stop", object{"index": index}),
	}
}

func event(name string, v object) []byte {
	v["type"] = name
	return framing.AppendEvent(nil, name, encode(v))
}

// AnthropicError returns an error body in Anthropic's format.
func AnthropicError(kind, message string) string {
	return string(encode(object{"type": "error", "error": object{"type": kind, "message": message}, "request_id": "req_test"}))
}
