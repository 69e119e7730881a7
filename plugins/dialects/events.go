package main

import (
	"bytes"

	"github.com/valyala/fastjson"

	penstock "github.com/penstock/penstock/sdk/go"
)

// The events that the host makes up around the provider's.
const (
	eventStart = "penstock.start"
	eventEnd   = "penstock.end"
)

// normaliseEvent is the hook: a stream's state and one event of the provider in,
// the new state and the canonical chunks out.
func (t *translator) normaliseEvent(out, in []byte) ([]byte, error) {
	state, payload, ok := penstock.SplitFrame(in)
	name, data, hasName := bytes.Cut(payload, []byte{'\n'})
	if !ok || !hasName {
		return nil, penstock.Reject(500, "the event's frame is cut short")
	}
	if string(name) == "ping" {
		return penstock.AppendState(out, state), nil
	}
	t.lines.b = t.lines.b[:0]
	if err := t.take(state, name, data); err != nil {
		return nil, err
	}
	t.state = t.stream.append(t.state[:0])
	if len(t.state) > penstock.MaxState {
		return nil, penstock.Reject(500, "the stream's state has outgrown its bound")
	}
	return append(penstock.AppendState(out, t.state), t.lines.b...), nil
}

func (t *translator) take(state, name, data []byte) error {
	if string(name) == eventStart {
		return t.start(data)
	}
	if !t.stream.load(state) {
		return penstock.Reject(500, "the stream's state is not one of this module")
	}
	if t.stream.phase == ended {
		return nil
	}
	if string(name) == eventEnd {
		t.sendFailure(failure{kind: "server_error", code: "stream_interrupted",
			message: []byte("The provider's stream ended before the reply was complete.")})
		return nil
	}
	if t.stream.phase == opened && t.quickDelta(data) {
		return nil
	}
	// The parser bounds the depth, and the validator, which is strict, does not.
	event, err := t.parser.ParseBytes(data)
	if err != nil || fastjson.ValidateBytes(data) != nil {
		t.sendFailure(failure{kind: "server_error", code: "upstream_error",
			message: []byte("The provider's stream holds an event that is not JSON.")})
		return nil
	}
	t.event(event, name)
	return nil
}

// start prepares the state: above all the head of every chunk to come.
func (t *translator) start(data []byte) error {
	env, err := t.unpack(data)
	if err != nil {
		return err
	}
	w := writer{b: make([]byte, 0, 256)}
	w.open('{')
	writeIdentity(&w, "chat.completion.chunk", &env)
	t.stream = stream{head: w.b, model: env.model}
	if len(env.model)+len(w.b) > penstock.MaxState/2 {
		return penstock.Reject(500, "model and request id are too long")
	}
	return nil
}

// event handles one event of the provider. Its type stands in the data; the SSE
// name is the fallback.
func (t *translator) event(e *fastjson.Value, name []byte) {
	if kind := e.GetStringBytes("type"); kind != nil {
		name = kind
	}
	switch string(name) {
	case "message_start":
		t.messageStart(e.Get("message"))
	case "content_block_start":
		t.blockStart(e.GetInt64("index"), e.Get("content_block"))
	case "content_block_delta":
		t.blockDelta(e.GetInt64("index"), e.Get("delta"))
	case "content_block_stop":
		t.blockStop(e.GetInt64("index"))
	case "message_delta":
		t.messageDelta(e)
	case "message_stop":
		t.messageStop()
	case "error":
		fault := e.Get("error")
		t.sendFailure(classify(string(fault.GetStringBytes("type")), streamMessage(fault), 0))
	}
}

func streamMessage(fault *fastjson.Value) []byte {
	if message := fault.GetStringBytes("message"); len(message) > 0 {
		return message
	}
	return []byte("The provider broke the stream off without saying why.")
}

func (t *translator) messageStart(message *fastjson.Value) {
	s := &t.stream
	if s.phase != started {
		return
	}
	s.usage.read(message.Get("usage"))
	if model := message.Get("model"); !missing(model) && len(s.head) < penstock.MaxState/4 {
		w := writer{b: s.head}
		w.memberValue("model", model)
		s.head, s.model = w.b, nil
	}
	t.openReply()
}

func (t *translator) blockStart(index int64, content *fastjson.Value) {
	t.openReply()
	s := &t.stream
	b := openBlock{kind: blockType(content), index: index}
	switch b.kind {
	case toolBlock:
		b.number = s.tools
		input := content.GetObject("input")
		b.complete = input != nil && input.Len() > 0
		b.filled = b.complete
	case thinkingBlock, redactedBlock:
		b.number = s.thoughts
	}
	if !s.begin(b) {
		t.sendFailure(failure{kind: "server_error", code: "upstream_error",
			message: []byte("The provider's stream opens a content block that is open, or too many.")})
		return
	}
	t.firstPiece(b, content)
}

// firstPiece sends what a block begins with. Anthropic begins most blocks empty;
// services that imitate it may not.
func (t *translator) firstPiece(b openBlock, content *fastjson.Value) {
	s := &t.stream
	switch b.kind {
	case textBlock:
		s.textStart, s.citations = s.text, nil
		t.sendText(t.inside(content.Get("text")))
	case toolBlock:
		s.tools++
		t.sendCall(b.number, content.Get("id"), content.Get("name"))
		if b.complete {
			t.raw = appendEscaped(t.raw[:0], content.Get("input").MarshalTo(nil))
			t.sendArguments(b.number, t.raw)
		}
	case thinkingBlock:
		s.thoughts++
		t.sendThinking(b.number, t.inside(content.Get("thinking")))
	case redactedBlock:
		s.thoughts++
		t.sendThought(b.number, `"redacted_thinking"`, "data", content.Get("data"))
	}
}

// inside is a string's text as it stands between the quotes; empty for anything
// else. It is valid until the next call.
func (t *translator) inside(v *fastjson.Value) []byte {
	raw, _ := rawString(t.raw[:0], v)
	t.raw = raw
	return raw
}

// blockDelta sends on a piece of a block. A piece of a block that has not begun, or
// of the provider's own business, is not for the client.
func (t *translator) blockDelta(index int64, delta *fastjson.Value) {
	b := t.stream.block(index)
	if b == nil {
		return
	}
	switch string(delta.GetStringBytes("type")) {
	case "text_delta":
		t.piece(b, textBlock, t.inside(delta.Get("text")))
	case "input_json_delta":
		t.piece(b, toolBlock, t.inside(delta.Get("partial_json")))
	case "thinking_delta":
		t.piece(b, thinkingBlock, t.inside(delta.Get("thinking")))
	case "signature_delta":
		if b.kind == thinkingBlock {
			t.sendThought(b.number, `"thinking"`, "signature", delta.Get("signature"))
		}
	case "citations_delta":
		t.keepCitation(delta.Get("citation"))
	}
}

// piece sends on raw, the inside of a JSON string, if it is of the kind that its
// block is.
func (t *translator) piece(b *openBlock, kind block, raw []byte) {
	if b.kind != kind || len(raw) == 0 {
		return
	}
	switch kind {
	case textBlock:
		t.sendText(raw)
	case toolBlock:
		if !b.complete {
			b.filled = true
			t.sendArguments(b.number, raw)
		}
	case thinkingBlock:
		t.sendThinking(b.number, raw)
	}
}

// blockStop ends a block. A call without arguments gets an empty object, which is
// what it means.
func (t *translator) blockStop(index int64) {
	s := &t.stream
	b := s.block(index)
	if b == nil {
		return
	}
	switch {
	case b.kind == toolBlock && !b.filled:
		t.sendArguments(b.number, []byte("{}"))
	case b.kind == textBlock:
		t.sendCitations()
	}
	s.end(index)
}

func (t *translator) messageDelta(e *fastjson.Value) {
	t.openReply()
	t.stream.usage.read(e.Get("usage"))
	stop := e.GetStringBytes("delta", "stop_reason")
	if len(stop) > 0 {
		t.sendFinish(finishReason(stop), e.Get("delta", "stop_details", "explanation"))
	}
}

// messageStop completes the reply. A finish reason is due even when the provider
// gave none.
func (t *translator) messageStop() {
	t.openReply()
	t.sendFinish(finishReason(nil), nil)
	t.sendUsage()
	t.sendDone()
}
