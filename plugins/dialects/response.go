package dialects

import (
	"strconv"

	penstock "github.com/penstock/penstock/sdk/go"
)

// normaliseResponse is the hook: a plain reply or an error of the provider in, the
// canonical completion or the classified error out.
func (t *translator) normaliseResponse(out, in []byte) ([]byte, error) {
	env, err := unpack(in)
	if err != nil {
		return nil, err
	}
	w := &writer{b: out}
	sent := readAnswer(env.body)
	if env.status < 200 || env.status > 299 || !sent.isReply() {
		writeFailure(w, &env)
		return w.b, nil
	}
	t.blocks, t.recall = readBlocks(t.blocks[:0], sent.content), readRecall(env.context)
	t.writeCompletion(w, &env, &sent)
	return w.b, nil
}

// answer is the provider's message with its members; nil when absent.
type answer struct {
	// message says that it calls itself one, which tells a reply without any content
	// from something else.
	message                 bool
	model, content, usage   value
	stopReason, stopDetails value
}

func readAnswer(body value) (a answer) {
	for key, v := range body.Members {
		switch string(key) {
		case "type":
			a.message = string(text(v)) == "message"
		case "model":
			a.model = v
		case "content":
			a.content = v
		case "usage":
			a.usage = v
		case "stop_reason":
			a.stopReason = v
		case "stop_details":
			a.stopDetails = v
		}
	}
	return a
}

// isReply reports whether this is a message and not something else. Its content is a
// list, or with some services one text, and may be missing where it says what it is.
func (a *answer) isReply() bool {
	switch a.content.Kind() {
	case '[':
		return true
	case '"', 'n', 0:
		return a.message
	}
	return false
}

func (t *translator) writeCompletion(w *writer, env *envelope, sent *answer) {
	w.open('{')
	writeIdentity(w, "chat.completion", env)
	writeModel(w, env, sent.model)
	w.name("choices")
	w.open('[')
	w.open('{')
	w.memberInt("index", 0)
	end := finishOf(text(sent.stopReason)).json(t.calls(), t.recall.legacy)
	t.writeReply(w, sent)
	w.memberLiteral("logprobs", "null")
	w.memberLiteral("finish_reason", end)
	w.close('}')
	w.close(']')
	var used usage
	if used.read(sent.usage); used.known {
		w.name("usage")
		used.write(w)
	}
	writeServiceTier(w, sent.usage)
	w.close('}')
}

// writeIdentity writes what is the same in every piece of a reply.
func writeIdentity(w *writer, object string, env *envelope) {
	w.name("id")
	w.add(`"chatcmpl-`)
	w.b = penstock.AppendInside(w.b, env.requestID)
	w.close('"')
	w.memberText("object", []byte(object))
	w.memberInt("created", env.created)
}

// writeModel names the model as the provider does, or as it was asked for when the
// provider does not.
func writeModel(w *writer, env *envelope, model value) {
	if model.Null() {
		w.memberText("model", env.model)
		return
	}
	w.memberValue("model", model)
}

func writeServiceTier(w *writer, used value) {
	switch tier := text(used.Member("service_tier")); string(tier) {
	case "":
	case "standard":
		w.memberLiteral("service_tier", `"default"`)
	default:
		w.memberText("service_tier", tier)
	}
}

// writeReply writes the assistant's message. What happened on the provider's side,
// such as a search and its results, has no place in it and is left out.
func (t *translator) writeReply(w *writer, sent *answer) {
	w.name("message")
	w.open('{')
	w.memberLiteral("role", `"assistant"`)
	t.writeText(w)
	w.name("refusal")
	if why := sent.stopDetails.Member("explanation"); !why.Null() {
		w.value(why)
	} else {
		w.literal("null")
	}
	t.writeReasoning(w)
	t.writeToolCalls(w)
	t.writeAnnotations(w)
	w.close('}')
}

// writeText joins the text blocks; content is null only beside tool calls.
func (t *translator) writeText(w *writer) {
	w.name("content")
	mark := len(w.b)
	w.close('"')
	written := false
	for i := range t.blocks {
		if b := &t.blocks[i]; b.kind == textBlock {
			written = true
			w.b = append(w.b, inside(b.text)...)
		}
	}
	w.close('"')
	if !written && t.calls() > 0 {
		w.b = w.b[:mark]
		w.add("null")
	}
}

// writeReasoning writes the thinking as text for people, and as blocks for the next
// request to bring back.
func (t *translator) writeReasoning(w *writer) {
	mark := len(w.b)
	w.name("reasoning_content")
	w.close('"')
	start, thoughts := len(w.b), 0
	for i := range t.blocks {
		switch b := &t.blocks[i]; b.kind {
		case thinkingBlock:
			inside, _ := b.thinking.Inside()
			w.b = append(w.b, inside...)
			thoughts++
		case redactedBlock:
			thoughts++
		}
	}
	if len(w.b) == start {
		w.b = w.b[:mark]
	} else {
		w.close('"')
	}
	if thoughts == 0 {
		return
	}
	w.name("thinking_blocks")
	w.open('[')
	for i := range t.blocks {
		if b := &t.blocks[i]; b.kind == thinkingBlock || b.kind == redactedBlock {
			w.value(b.whole)
		}
	}
	w.close(']')
}

func (t *translator) writeToolCalls(w *writer) {
	first := true
	for i := range t.blocks {
		b := &t.blocks[i]
		if b.kind != toolBlock {
			continue
		}
		if t.recall.legacy {
			t.recall.legacy = false // there is place for one
			w.name("function_call")
			t.writeFunctionCall(w, b)
			continue
		}
		if first {
			w.name("tool_calls")
			w.open('[')
			first = false
		}
		t.writeToolCall(w, b, i)
	}
	if !first {
		w.close(']')
	}
}

func (t *translator) writeToolCall(w *writer, b *replyBlock, number int) {
	w.open('{')
	writeCallID(w, b.id, int64(number))
	w.memberLiteral("type", `"function"`)
	w.name("function")
	t.writeFunctionCall(w, b)
	w.close('}')
}

// writeCallID writes a call's id. Some services give none; clients need one to answer.
func writeCallID(w *writer, id value, number int64) {
	if len(inside(id)) > 0 {
		w.memberValue("id", id)
		return
	}
	w.memberText("id", strconv.AppendInt([]byte("call_"), number+1, 10))
}

func (t *translator) writeFunctionCall(w *writer, b *replyBlock) {
	w.open('{')
	w.memberValue("name", t.recall.here(b.name))
	w.memberText("arguments", arguments(b.input))
	w.close('}')
}

// arguments is a call's input as the text that OpenAI keeps in a string. Some services
// give it as a text already.
func arguments(input value) []byte {
	if given := text(input); valid(given) {
		input = given
	}
	if input.Kind() != '{' {
		return []byte("{}")
	}
	return input
}
