package anthropic

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// open sends that a block begins. ID and name are those of a call.
func (r *clientReply) open(b *replyBlock, id, name canonical.Value) {
	b.phase, b.index = blockOpen, r.next
	r.next++
	r.beginBlockEvent("content_block_start", b.index)
	r.Name("content_block")
	switch b.kind {
	case canonical.CallBlock:
		beginCallBlock(&r.Writer, id, canonical.ClientName(r.names, name), r.request, b.call)
		r.Raw(`,"input":{}}`)
	case canonical.ThinkingBlock:
		r.Raw(`{"type":"thinking","thinking":"","signature":""}`)
	default:
		r.Raw(`{"type":"text","text":""}`)
	}
	r.EndEvent()
	if b.kind == canonical.TextBlock {
		r.sendCitations(b)
	}
}

func (r *clientReply) beginBlockEvent(name string, index int64) {
	r.BeginEvent(name)
	r.MemberInt("index", index)
}

// close sends that a block ends.
func (r *clientReply) close(b *replyBlock) {
	b.phase = blockClosed
	r.beginBlockEvent("content_block_stop", b.index)
	r.EndEvent()
}

// sendDelta sends a piece of a block, the inside of a JSON string.
func (r *clientReply) sendDelta(b *replyBlock, raw []byte) {
	r.beginBlockEvent("content_block_delta", b.index)
	switch b.kind {
	case canonical.CallBlock:
		r.Raw(`,"delta":{"type":"input_json_delta","partial_json":"`)
	case canonical.ThinkingBlock:
		r.Raw(`,"delta":{"type":"thinking_delta","thinking":"`)
	default:
		r.Raw(`,"delta":{"type":"text_delta","text":"`)
	}
	r.B = append(r.B, raw...)
	r.Raw(`"}`)
	r.EndEvent()
}

// sign sends the signature of a thought.
func (r *clientReply) sign(b *replyBlock, signature canonical.Value) {
	if b == nil || len(canonical.Inside(signature)) == 0 {
		return
	}
	r.beginBlockEvent("content_block_delta", b.index)
	r.Raw(`,"delta":{"type":"signature_delta","signature":`)
	r.Value(signature)
	r.Raw("}")
	r.EndEvent()
}

// sendRedacted sends a thought that nobody can read.
func (r *clientReply) sendRedacted(data canonical.Value) {
	r.closeComplete()
	b := replyBlock{index: r.next}
	r.next++
	r.beginBlockEvent("content_block_start", b.index)
	r.Raw(`,"content_block":{"type":"redacted_thinking","data":`)
	r.Value(data)
	r.Raw("}")
	r.EndEvent()
	r.close(&b)
}

// maxCitations bounds the citations that wait for their text, in bytes.
const maxCitations = 8 << 10

// cite adds a page that the text refers to. It is sent with the text that is open or, since
// some services name their sources first, the next one.
func (r *clientReply) cite(page *canonical.Cited) {
	w := canonical.Writer{}
	writeCitation(&w, page)
	if len(r.citations)+len(w.B) < maxCitations {
		r.citations = append(append(r.citations, w.B...), '\n') // JSON in one line holds none
	}
	for i := len(r.blocks) - 1; i >= 0; i-- {
		if b := &r.blocks[i]; b.kind == canonical.TextBlock && b.phase == blockOpen {
			r.sendCitations(b)
			return
		}
	}
}

// sendCitations sends the citations that wait.
func (r *clientReply) sendCitations(b *replyBlock) {
	for line := range bytes.Lines(r.citations) {
		r.beginBlockEvent("content_block_delta", b.index)
		r.Raw(`,"delta":{"type":"citations_delta","citation":`)
		r.Value(canonical.Value(line[:len(line)-1]))
		r.Raw("}")
		r.EndEvent()
	}
	r.citations = nil
}
