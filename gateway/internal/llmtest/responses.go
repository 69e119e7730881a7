package llmtest

import (
	"strconv"
	"strings"
)

// Responses returns the reply as an OpenAI response.
func (c Chat) Responses() string {
	c = c.withDefaults()
	return string(encode(c.response(c.responseItems())))
}

// ResponsesEvents returns the frames of the reply as the Responses API streams it, one word
// each.
func (c Chat) ResponsesEvents() [][]byte {
	c = c.withDefaults()
	s := &responseStream{}
	begun := c.response(nil)
	begun["status"], begun["usage"] = "in_progress", nil
	s.send("response.created", object{"response": begun})
	s.send("response.in_progress", object{"response": begun})
	items := c.responseItems()
	for at, item := range items {
		s.item(at, item)
	}
	whole := c.response(items)
	s.send("response."+whole["status"].(string), object{"response": whole})
	return s.frames
}

func (c Chat) response(items []object) object {
	if items == nil {
		items = []object{}
	}
	r := object{"id": "resp_" + c.ID, "object": "response", "created_at": 1700000000, "status": "completed", "error": nil,
		"incomplete_details": nil, "instructions": nil, "metadata": object{}, "model": c.Model, "output": items,
		"parallel_tool_calls": true, "temperature": 1, "tool_choice": "auto", "tools": []object{}, "top_p": 1, "usage": object{
			"input_tokens": c.Usage.Input, "input_tokens_details": object{"cached_tokens": c.Usage.CacheRead, "cache_write_tokens": c.Usage.CacheWrite},
			"output_tokens": c.Usage.Output, "output_tokens_details": object{"reasoning_tokens": c.Usage.Reasoning},
			"total_tokens": c.Usage.Total()}}
	c.setTier(r, "service_tier", "default")
	switch c.Finish {
	case "length":
		r["status"], r["incomplete_details"] = "incomplete", object{"reason": "max_output_tokens"}
	case "content_filter":
		r["status"], r["incomplete_details"] = "incomplete", object{"reason": "content_filter"}
	}
	return r
}

func (c Chat) responseItems() []object {
	var items []object
	if c.Thinking != "" {
		items = append(items, object{"id": "rs_" + c.ID, "type": "reasoning", "encrypted_content": c.Signature,
			"summary": []object{{"type": "summary_text", "text": c.Thinking}}})
	}
	if c.Text != "" {
		items = append(items, object{"id": "msg_" + c.ID, "type": "message", "status": "completed", "role": "assistant",
			"content": []object{{"type": "output_text", "text": c.Text, "annotations": []object{}, "logprobs": []object{}}}})
	}
	for i, t := range c.Tools {
		items = append(items, object{"id": "fc_" + strconv.Itoa(i), "type": "function_call", "status": "completed",
			"call_id": t.ID, "name": t.Name, "arguments": t.Arguments})
	}
	return items
}

// responseStream numbers the events of a response.
type responseStream struct{ frames [][]byte }

func (s *responseStream) send(name string, v object) {
	v["sequence_number"] = len(s.frames)
	s.frames = append(s.frames, event(name, v))
}

// item sends an output item: without its content, then the content, then the whole.
func (s *responseStream) item(at int, item object) {
	begun := object{}
	for k, v := range item {
		begun[k] = v
	}
	id := item["id"]
	switch item["type"] {
	case "reasoning":
		begun["summary"], begun["encrypted_content"] = []object{}, ""
		s.send("response.output_item.added", object{"output_index": at, "item": begun})
		part := item["summary"].([]object)[0]
		of := func(v object) object { return with(v, object{"item_id": id, "output_index": at, "summary_index": 0}) }
		s.send("response.reasoning_summary_part.added", of(object{"part": object{"type": "summary_text", "text": ""}}))
		s.send("response.reasoning_summary_text.delta", of(object{"delta": part["text"]}))
		s.send("response.reasoning_summary_text.done", of(object{"text": part["text"]}))
		s.send("response.reasoning_summary_part.done", of(object{"part": part}))
	case "message":
		begun["content"], begun["status"] = []object{}, "in_progress"
		s.send("response.output_item.added", object{"output_index": at, "item": begun})
		s.text(item["content"].([]object)[0], object{"item_id": id, "output_index": at, "content_index": 0})
	case "function_call":
		begun["arguments"], begun["status"] = "", "in_progress"
		s.send("response.output_item.added", object{"output_index": at, "item": begun})
		arguments := item["arguments"].(string)
		for _, half := range []string{arguments[:len(arguments)/2], arguments[len(arguments)/2:]} {
			s.send("response.function_call_arguments.delta", object{"item_id": id, "output_index": at, "delta": half})
		}
		s.send("response.function_call_arguments.done", object{"item_id": id, "output_index": at, "name": item["name"], "arguments": arguments})
	}
	s.send("response.output_item.done", object{"output_index": at, "item": item})
}

// text sends a text part word by word.
func (s *responseStream) text(part, where object) {
	empty := with(object{"text": ""}, object{"type": "output_text", "annotations": []object{}, "logprobs": []object{}})
	s.send("response.content_part.added", with(object{"part": empty}, where))
	for word := range strings.SplitAfterSeq(part["text"].(string), " ") {
		s.send("response.output_text.delta", with(object{"delta": word, "logprobs": []object{}}, where))
	}
	s.send("response.output_text.done", with(object{"text": part["text"], "logprobs": []object{}}, where))
	s.send("response.content_part.done", with(object{"part": part}, where))
}

// with adds the members of more to v.
func with(v, more object) object {
	for k, value := range more {
		v[k] = value
	}
	return v
}
