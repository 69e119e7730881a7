package dialects

import penstock "github.com/penstock/penstock/sdk/go"

func (t *translator) messageStart(message value) {
	s := &t.stream
	s.usage.read(message.Member("usage"))
	if message.Member("stop_reason").Null() {
		s.usage.output = 0 // what is counted before the reply is made is no count of it
	}
	if model := message.Member("model"); s.phase == started && !model.Null() && len(s.head)+len(model) < penstock.MaxState/4 {
		w := writer{b: s.head}
		w.memberValue("model", model)
		s.head, s.model = w.b, nil
	}
	t.openReply()
	t.noteUsage()
	t.wholeBlocks(message.Member("content"))
	t.end(message)
	s.sealed = s.stop != unfinished
}

// wholeBlocks sends the content that a message already begins with: where a tool is
// called from within the provider's own code, that is all there is of it.
func (t *translator) wholeBlocks(content value) {
	t.blocks = readBlocks(t.blocks[:0], content)
	for i := range t.blocks {
		t.beginBlock(wholeIndex, &t.blocks[i])
		for citation := range t.blocks[i].citations.Items {
			t.keepCitation(citation)
		}
		t.blockStop(wholeIndex)
	}
}

// wholeIndex stands for the index of a block that came whole; the provider's count
// from 0.
const wholeIndex = -1

// end takes in why the reply ends, if v says so.
func (t *translator) end(v value) {
	if stop := finishOf(text(v.Member("stop_reason"))); stop != unfinished {
		t.stream.stop = stop
	}
	t.sendRefusal(v.Member("stop_details", "explanation"))
}

func (t *translator) blockStart(index int64, content value) {
	t.openReply()
	t.stream.sealed = false
	read := readBlock(content)
	t.beginBlock(index, &read)
}

func (t *translator) beginBlock(index int64, read *replyBlock) {
	s := &t.stream
	b := openBlock{kind: read.kind, index: index}
	switch b.kind {
	case toolBlock:
		b.number = s.tools
		b.complete = read.input.Kind() == '{' && filled(read.input)
		b.filled = b.complete
	case thinkingBlock, redactedBlock:
		b.number = s.thoughts
	}
	if !s.begin(b) {
		t.sendFailure(failure{kind: "server_error", code: "upstream_error",
			message: []byte("The provider's stream opens a content block that is open, or too many.")})
		return
	}
	t.firstPiece(b, read)
}

// firstPiece sends what a block begins with. Anthropic begins most blocks empty;
// services that imitate it may not.
func (t *translator) firstPiece(b openBlock, content *replyBlock) {
	s := &t.stream
	switch b.kind {
	case textBlock:
		s.textStart, s.citations = s.text, nil
		t.sendText(inside(content.text))
	case toolBlock:
		s.tools++
		t.sendCall(b.number, content.id, content.name)
		if b.complete {
			t.raw = penstock.AppendInside(t.raw[:0], content.input)
			t.sendArguments(b.number, t.raw)
		}
	case thinkingBlock:
		s.thoughts++
		t.sendThinking(b.number, inside(content.thinking))
		t.sendSignature(b.number, content.signature)
	case redactedBlock:
		s.thoughts++
		t.sendThought(b.number, `"redacted_thinking"`, "data", content.redactedData)
	}
}

// unbegun opens the block of a piece whose block has not begun, as some services leave
// out the beginning of a text. A call can't be guessed: it has no name then.
func (t *translator) unbegun(index int64, kind string) *openBlock {
	t.openReply()
	t.stream.sealed = false
	read := replyBlock{}
	switch kind {
	case "text_delta":
		read.kind = textBlock
	case "thinking_delta":
		read.kind = thinkingBlock
	case "input_json_delta":
		t.sendFailure(failure{kind: "server_error", code: "upstream_error",
			message: []byte("The provider's stream holds arguments of a call that has not begun.")})
		return nil
	default:
		return nil
	}
	t.beginBlock(index, &read)
	return t.stream.block(index)
}
