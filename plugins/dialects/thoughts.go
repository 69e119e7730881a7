package main

import "github.com/valyala/fastjson"

// writeThoughts writes the thinking that an assistant message brings back, which
// has to come before its tool calls. It travels in thinking_blocks, as this module
// gives it out, or in OpenRouter's reasoning_details. Thinking without its
// signature is left out: Anthropic refuses it.
func (r *request) writeThoughts(m *fastjson.Value) {
	blocks := m.GetArray("thinking_blocks")
	for _, b := range blocks {
		switch string(b.GetStringBytes("type")) {
		case "thinking":
			r.writeThinking(b.Get("thinking"), b.Get("signature"))
		case "redacted_thinking":
			r.writeRedacted(b.Get("data"))
		}
	}
	if len(blocks) > 0 {
		return
	}
	for _, d := range m.GetArray("reasoning_details") {
		switch string(d.GetStringBytes("type")) {
		case "reasoning.text":
			r.writeThinking(d.Get("text"), d.Get("signature"))
		case "reasoning.encrypted":
			r.writeRedacted(d.Get("data"))
		}
	}
}

func (r *request) writeThinking(thinking, signature *fastjson.Value) {
	raw, ok := rawString(r.raw[:0], signature)
	r.raw = raw
	if !ok || len(raw) == 0 {
		return
	}
	r.block()
	r.open('{')
	r.memberLiteral("type", `"thinking"`)
	if missing(thinking) {
		r.memberLiteral("thinking", `""`)
	}
	r.memberValue("thinking", thinking)
	r.memberValue("signature", signature)
	r.close('}')
}

func (r *request) writeRedacted(data *fastjson.Value) {
	if missing(data) {
		return
	}
	r.block()
	r.open('{')
	r.memberLiteral("type", `"redacted_thinking"`)
	r.memberValue("data", data)
	r.close('}')
}
