package main

import "github.com/valyala/fastjson"

// normaliseResponse is the hook: a plain reply or an error of the provider in, the
// canonical completion or the classified error out.
func (t *translator) normaliseResponse(out, in []byte) ([]byte, error) {
	env, err := t.unpack(in)
	if err != nil {
		return nil, err
	}
	w := &writer{b: out}
	body := env.root.Get("body")
	if status := env.root.GetInt("status"); status < 200 || status > 299 || body.GetArray("content") == nil && !emptyMessage(body) {
		writeFailure(w, env.root, readFailure(env.root))
		return w.b, nil
	}
	t.writeCompletion(w, &env, body)
	return w.b, nil
}

// emptyMessage tells a reply without any content from something else.
func emptyMessage(body *fastjson.Value) bool {
	return body.GetObject() != nil && string(body.GetStringBytes("type")) == "message"
}

func (t *translator) writeCompletion(w *writer, env *envelope, body *fastjson.Value) {
	w.open('{')
	writeIdentity(w, "chat.completion", env)
	writeModel(w, env, body.Get("model"))
	w.name("choices")
	w.open('[')
	w.open('{')
	w.memberInt("index", 0)
	t.writeReply(w, body)
	w.memberLiteral("logprobs", "null")
	w.memberLiteral("finish_reason", finishReason(body.GetStringBytes("stop_reason")))
	w.close('}')
	w.close(']')
	var used usage
	if used.read(body.Get("usage")); used.known {
		w.name("usage")
		used.write(w)
	}
	writeServiceTier(w, body.Get("usage"))
	w.close('}')
}

// writeIdentity writes what is the same in every piece of a reply.
func writeIdentity(w *writer, object string, env *envelope) {
	w.name("id")
	w.b = append(w.b, `"chatcmpl-`...)
	w.b = appendEscaped(w.b, env.requestID)
	w.b = append(w.b, '"')
	w.memberText("object", []byte(object))
	w.memberInt("created", env.created)
}

// writeModel names the model as the provider does, or as it was asked for when the
// provider does not.
func writeModel(w *writer, env *envelope, model *fastjson.Value) {
	if missing(model) {
		w.memberText("model", env.model)
		return
	}
	w.memberValue("model", model)
}

func writeServiceTier(w *writer, used *fastjson.Value) {
	switch tier := used.GetStringBytes("service_tier"); string(tier) {
	case "":
	case "standard":
		w.memberLiteral("service_tier", `"default"`)
	default:
		w.memberText("service_tier", tier)
	}
}

// finishReason maps stop_reason, as JSON. What is not listed, such as pause_turn,
// is an ordinary end.
func finishReason(stop []byte) string {
	switch string(stop) {
	case "max_tokens", "model_context_window_exceeded":
		return `"length"`
	case "tool_use":
		return `"tool_calls"`
	case "refusal":
		return `"content_filter"`
	}
	return `"stop"`
}

// writeReply writes the assistant's message. What happened on the provider's side,
// such as a search and its results, has no place in it and is left out.
func (t *translator) writeReply(w *writer, body *fastjson.Value) {
	blocks := body.GetArray("content")
	w.name("message")
	w.open('{')
	w.memberLiteral("role", `"assistant"`)
	t.writeText(w, blocks)
	w.name("refusal")
	if why := body.Get("stop_details", "explanation"); !missing(why) {
		w.value(why)
	} else {
		w.literal("null")
	}
	t.writeReasoning(w, blocks)
	t.writeToolCalls(w, blocks)
	t.writeAnnotations(w, blocks)
	w.close('}')
}

// writeText joins the text blocks; content is null only beside tool calls.
func (t *translator) writeText(w *writer, blocks []*fastjson.Value) {
	w.name("content")
	mark := len(w.b)
	w.b = append(w.b, '"')
	text, calls := false, false
	for _, b := range blocks {
		switch blockType(b) {
		case textBlock:
			text = true
			w.b, _ = rawString(w.b, b.Get("text"))
		case toolBlock:
			calls = true
		}
	}
	w.b = append(w.b, '"')
	if calls && !text {
		w.b = append(w.b[:mark], "null"...)
	}
}

// writeReasoning writes the thinking as text for people, and as blocks for the next
// request to bring back.
func (t *translator) writeReasoning(w *writer, blocks []*fastjson.Value) {
	mark := len(w.b)
	w.name("reasoning_content")
	w.b = append(w.b, '"')
	start, thoughts := len(w.b), 0
	for _, b := range blocks {
		switch blockType(b) {
		case thinkingBlock:
			w.b, _ = rawString(w.b, b.Get("thinking"))
			thoughts++
		case redactedBlock:
			thoughts++
		}
	}
	if len(w.b) == start {
		w.b = w.b[:mark]
	} else {
		w.b = append(w.b, '"')
	}
	if thoughts == 0 {
		return
	}
	w.name("thinking_blocks")
	w.open('[')
	for _, b := range blocks {
		if kind := blockType(b); kind == thinkingBlock || kind == redactedBlock {
			w.object(b.GetObject())
		}
	}
	w.close(']')
}

func (t *translator) writeToolCalls(w *writer, blocks []*fastjson.Value) {
	first := true
	for _, b := range blocks {
		if blockType(b) != toolBlock {
			continue
		}
		if first {
			w.name("tool_calls")
			w.open('[')
			first = false
		}
		t.writeToolCall(w, b)
	}
	if !first {
		w.close(']')
	}
}

func (t *translator) writeToolCall(w *writer, b *fastjson.Value) {
	w.open('{')
	w.memberValue("id", b.Get("id"))
	w.memberLiteral("type", `"function"`)
	w.name("function")
	w.open('{')
	w.memberValue("name", b.Get("name"))
	w.memberText("arguments", t.arguments(b.Get("input")))
	w.close('}')
	w.close('}')
}

// arguments is a call's input as the text that OpenAI keeps in a string.
func (t *translator) arguments(input *fastjson.Value) []byte {
	if input.GetObject() == nil {
		return []byte("{}")
	}
	t.raw = input.MarshalTo(t.raw[:0])
	return t.raw
}
