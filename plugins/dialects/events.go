package dialects

import (
	"bytes"

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
	name, data, hasName := penstock.SplitEvent(payload)
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
		t.streamEnd()
		return nil
	}
	if t.stream.phase == opened && t.quickDelta(data) {
		return nil
	}
	if data = bytes.TrimSpace(data); string(data) == "null" {
		return nil
	}
	if !valid(data) || data[0] != '{' {
		t.sendFailure(failure{kind: "server_error", code: "upstream_error",
			message: []byte("The provider's stream holds an event that is not a JSON object.")})
		return nil
	}
	oneLine(data)
	t.event(data, name)
	return nil
}

// oneLine puts spaces in place of line ends, which in JSON stand between values only:
// what is copied from here has to stay in its line.
func oneLine(data []byte) {
	for _, end := range [...]byte{'\n', '\r'} {
		for i := bytes.IndexByte(data, end); i >= 0; i = bytes.IndexByte(data, end) {
			data[i] = ' '
			data = data[i:]
		}
	}
}

// start prepares the state: above all the head of every chunk to come.
func (t *translator) start(data []byte) error {
	env, err := unpack(data)
	if err != nil {
		return err
	}
	w := writer{b: make([]byte, 0, 256)}
	w.open('{')
	writeIdentity(&w, "chat.completion.chunk", &env)
	known := readRecall(env.context)
	t.stream = stream{head: w.b, model: env.model, names: known.names, progress: progress{legacy: known.legacy}}
	if len(env.model)+len(w.b) > penstock.MaxState/8 || len(known.names) > maxNames+len(`[]`) {
		return penstock.Reject(500, "model, request id or context are too long")
	}
	return nil
}

// event handles one event of the provider. Its type stands in the data; the SSE
// name is the fallback.
func (t *translator) event(e value, name []byte) {
	var index int64
	var delta, block, message, used, fault value
	for key, v := range e.Members {
		switch string(key) {
		case "type":
			if kind := text(v); kind != nil {
				name = kind
			}
		case "index":
			index = number(v)
		case "delta":
			delta = v
		case "content_block":
			block = v
		case "message":
			message = v
		case "usage":
			used = v
		case "error":
			fault = v
		}
	}
	switch string(name) {
	case "message_start":
		t.messageStart(message)
	case "content_block_start":
		t.blockStart(index, block)
	case "content_block_delta":
		t.blockDelta(index, delta)
	case "content_block_stop":
		t.blockStop(index)
	case "message_delta":
		t.messageDelta(delta, used)
	case "message_stop":
		t.messageStop()
	case "error":
		t.sendFailure(providers(fault))
	}
}

// inside is a string's text as it stands between the quotes; empty for anything else.
func inside(v value) []byte {
	raw, _ := v.Inside()
	return raw
}

// blockDelta sends on a piece of a block. What is the provider's own business is not
// for the client.
func (t *translator) blockDelta(index int64, delta value) {
	kind := string(text(delta.Member("type")))
	b := t.stream.block(index)
	if b == nil {
		if b = t.unbegun(index, kind); b == nil {
			return
		}
	}
	switch kind {
	case "text_delta":
		t.piece(b, textBlock, inside(delta.Member("text")))
	case "input_json_delta":
		t.piece(b, toolBlock, inside(delta.Member("partial_json")))
	case "thinking_delta":
		t.piece(b, thinkingBlock, inside(delta.Member("thinking")))
	case "signature_delta":
		if b.kind == thinkingBlock {
			t.sendSignature(b.number, delta.Member("signature"))
		}
	case "citations_delta":
		t.keepCitation(delta.Member("citation"))
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
		t.keepAnnotations()
	}
	s.end(index)
}

func (t *translator) messageDelta(delta, used value) {
	t.openReply()
	if filled(used) {
		t.stream.usage.read(used)
		t.noteUsage()
	}
	t.end(delta)
	if !delta.Member("stop_reason").Null() {
		t.sendFinish()
	}
}

// endBlocks ends the blocks that the provider has left open.
func (t *translator) endBlocks() {
	for len(t.stream.open) > 0 {
		t.blockStop(t.stream.open[0].index)
	}
}

// messageStop ends the reply. Whether it is whole without a finish reason is for the
// host to say.
func (t *translator) messageStop() {
	t.openReply()
	s := &t.stream
	if s.stop == unfinished && s.tools > 0 && len(s.open) == 0 {
		s.stop = called // a call that is complete says why the reply ends
	}
	if s.stop != unfinished {
		t.sendFinish()
	}
	t.sendUsage()
	t.sendDone()
}

// streamEnd ends a reply without message_stop: it is complete if its end was announced,
// and nothing came after a message_start that announced it.
func (t *translator) streamEnd() {
	if t.stream.phase == finished || t.stream.sealed {
		t.messageStop()
		return
	}
	t.sendFailure(failure{kind: "server_error", code: "stream_interrupted",
		message: []byte("The provider's stream ended before the reply was complete.")})
}
