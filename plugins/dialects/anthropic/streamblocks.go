package anthropic

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// wholeIndex stands for the index of a block that came whole; the provider's count from 0.
const wholeIndex = -1

// wholeBlocks sends the content that a message already begins with: where a tool is called
// from within the provider's own code, that is all there is of it.
func (r *reader) wholeBlocks(content canonical.Value) {
	for _, b := range readBlocks(nil, content) {
		r.beginBlock(wholeIndex, &b)
		for _, page := range b.Citations {
			r.Cite(page)
		}
		r.blockStop(wholeIndex)
	}
}

func (r *reader) blockStart(index int64, content canonical.Value) {
	r.Open()
	r.whole = false
	b := readBlock(content)
	r.beginBlock(index, &b)
}

// say sends a piece of the text that is open.
func (r *reader) say(raw []byte) {
	if r.said.Say(raw) {
		r.BreakText()
	}
	r.Text(raw)
}

func (r *reader) beginBlock(index int64, content *canonical.Block) {
	if isServerTool(content.Thought) {
		r.said.RunTool()
	}
	b := openBlock{kind: content.Kind, index: index}
	if b.kind == canonical.CallBlock {
		b.complete = content.Input.Kind() == '{' && canonical.Filled(content.Input)
		b.filled = b.complete
	}
	if !r.begin(b) {
		r.Fail(canonical.ServerError(canonical.Upstream, "The provider's stream opens a content block that is open, or too many."))
		return
	}
	r.firstPiece(r.block(index), content)
}

// firstPiece sends what a block begins with. Anthropic begins most blocks empty; services
// that imitate it may not.
func (r *reader) firstPiece(b *openBlock, content *canonical.Block) {
	switch b.kind {
	case canonical.TextBlock:
		r.BeginText()
		r.say(canonical.Inside(content.Text))
	case canonical.CallBlock:
		b.number = r.Call(content.ID, content.Name)
		if b.complete {
			r.Arguments(b.number, penstock.AppendInside(nil, content.Input))
		}
	case canonical.ThinkingBlock:
		b.number = r.NewThought()
		r.Thinking(b.number, canonical.Inside(content.Thinking))
		r.Signature(b.number, content.Signature)
	case canonical.RedactedBlock:
		b.number = r.NewThought()
		r.Redacted(b.number, content.Data)
	}
}

// unopenedBlock opens the block of a piece whose block has not begun, as some services leave
// out the beginning of a text. A call can't be guessed: it has no name then.
func (r *reader) unopenedBlock(index int64, kind string) *openBlock {
	r.Open()
	r.whole = false
	b := canonical.Block{}
	switch kind {
	case "text_delta":
		b.Kind = canonical.TextBlock
	case "thinking_delta":
		b.Kind = canonical.ThinkingBlock
	case "input_json_delta":
		r.Fail(canonical.ServerError(canonical.Upstream, "The provider's stream holds arguments of a call that has not begun."))
		return nil
	default:
		return nil
	}
	r.beginBlock(index, &b)
	return r.block(index)
}

// blockDelta sends on a piece of a block. What is the provider's own business is not for the
// client.
func (r *reader) blockDelta(index int64, delta canonical.Value) {
	kind := string(canonical.Text(delta.Member("type")))
	b := r.block(index)
	if b == nil {
		if b = r.unopenedBlock(index, kind); b == nil {
			return
		}
	}
	switch kind {
	case "text_delta":
		r.piece(b, canonical.TextBlock, canonical.Inside(delta.Member("text")))
	case "input_json_delta":
		r.piece(b, canonical.CallBlock, canonical.Inside(delta.Member("partial_json")))
	case "thinking_delta":
		r.piece(b, canonical.ThinkingBlock, canonical.Inside(delta.Member("thinking")))
	case "signature_delta":
		if b.kind == canonical.ThinkingBlock {
			r.Signature(b.number, delta.Member("signature"))
		}
	case "citations_delta":
		if page := readCitation(delta.Member("citation")); !page.URL.Null() {
			r.Cite(page)
		}
	}
}

// piece sends on raw, the inside of a JSON string, if it is of the kind that its block is.
func (r *reader) piece(b *openBlock, kind canonical.BlockKind, raw []byte) {
	if b.kind != kind || len(raw) == 0 {
		return
	}
	switch kind {
	case canonical.TextBlock:
		r.say(raw)
	case canonical.CallBlock:
		if !b.complete {
			b.filled = true
			r.Arguments(b.number, raw)
		}
	case canonical.ThinkingBlock:
		r.Thinking(b.number, raw)
	}
}

// blockStop ends a block. A call without arguments gets an empty object, which is what it
// means.
func (r *reader) blockStop(index int64) {
	b := r.block(index)
	if b == nil {
		return
	}
	switch {
	case b.kind == canonical.CallBlock && !b.filled:
		r.Arguments(b.number, []byte("{}"))
	case b.kind == canonical.TextBlock:
		r.EndText()
	}
	r.stream.end(index)
}
