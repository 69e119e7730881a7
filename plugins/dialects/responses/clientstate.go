package responses

import (
	"slices"
	"unsafe"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// replyPhase is how far a response that is being streamed has come.
type replyPhase byte

const (
	replyStarted replyPhase = iota // nothing has been sent
	replyOpened                    // response.created has been sent
	replyEnded
)

// clientReply is a response that is being streamed to the client. All but its Writer is what
// a stream has to remember from one chunk to the next: the response is repeated at its end.
type clientReply struct {
	canonical.Writer
	clientProgress
	items []streamItem
	// texts are those of the items, in their order.
	texts                   []byte
	request, model, context []byte
}

// clientProgress is the part of the state that has a fixed size.
type clientProgress struct {
	usage             canonical.Usage
	created, sequence int64
	// The lengths of what follows in the stored form.
	itemsLen, textsLen, requestLen, modelLen, contextLen uint32
	phase                                                replyPhase
	finish                                               canonical.Finish
	// claude is set when thoughts of Claude's have come: then they are there a second time, as
	// text for people.
	claude bool
}

// The texts of an item, in their order.
const (
	callText = iota
	nameText
	mainText
	extraText
	annotationsText
	textsOfItem
)

// streamItem is an item of a response that is being streamed. Its position is its index in
// the output.
type streamItem struct {
	// key is the number of the call or the thought in the canonical stream.
	key int64
	// lens are the lengths of its texts.
	lens [textsOfItem]uint32
	// cited counts its annotations.
	cited uint32
	kind  itemKind
	form  thoughtForm
	// closed is set when its end has been sent. Incomplete is set with it when the reply was
	// cut short.
	closed, incomplete bool
}

// maxItems bounds the items of a response.
const maxItems = 1024

// span is where a text of an item stands in texts.
func (r *clientReply) span(item, text int) (start, stop int) {
	for i := range r.items[:item] {
		for _, n := range r.items[i].lens {
			start += int(n)
		}
	}
	for _, n := range r.items[item].lens[:text] {
		start += int(n)
	}
	return start, start + int(r.items[item].lens[text])
}

// text is a text of an item, valid until the next is added.
func (r *clientReply) text(item, text int) []byte {
	start, stop := r.span(item, text)
	return r.texts[start:stop]
}

// addText adds a piece to a text of an item.
func (r *clientReply) addText(item, text int, piece []byte) {
	_, stop := r.span(item, text)
	if stop == len(r.texts) {
		r.texts = append(r.texts, piece...)
	} else {
		r.texts = slices.Insert(r.texts, stop, piece...)
	}
	r.items[item].lens[text] += uint32(len(piece))
}

// output is an item as it is so far.
func (r *clientReply) output(item int) clientOutput {
	it := &r.items[item]
	return clientOutput{kind: it.kind, index: int64(item), form: it.form, call: r.text(item, callText), name: r.text(item, nameText),
		text: r.text(item, mainText), extra: r.text(item, extraText), annotations: r.text(item, annotationsText)}
}

func (r *clientReply) head() *head {
	return &head{request: r.request, created: r.created, model: r.model, context: r.context}
}

// AppendState appends the state in its stored form.
func (c *Client) AppendState(dst []byte) []byte {
	r := &c.reply
	r.itemsLen, r.textsLen = uint32(len(r.items)), uint32(len(r.texts))
	r.requestLen, r.modelLen, r.contextLen = uint32(len(r.request)), uint32(len(r.model)), uint32(len(r.context))
	dst = slices.Grow(dst, int(unsafe.Sizeof(clientProgress{}))+len(r.items)*int(unsafe.Sizeof(streamItem{}))+len(r.texts)+
		len(r.request)+len(r.model)+len(r.context))
	dst = append(dst, canonical.Memory(&r.clientProgress)...)
	for i := range r.items {
		dst = append(dst, canonical.Memory(&r.items[i])...)
	}
	return append(append(append(append(dst, r.texts...), r.request...), r.model...), r.context...)
}

// LoadState reads what AppendState wrote and reports false for what cannot be that.
func (c *Client) LoadState(src []byte) bool {
	const fixed, each = int(unsafe.Sizeof(clientProgress{})), int(unsafe.Sizeof(streamItem{}))
	r := &c.reply
	if len(src) < fixed {
		return false
	}
	copy(canonical.Memory(&r.clientProgress), src)
	src = src[fixed:]
	size := uint64(r.itemsLen)*uint64(each) + uint64(r.textsLen) + uint64(r.requestLen) + uint64(r.modelLen) + uint64(r.contextLen)
	if r.phase > replyEnded || r.itemsLen > maxItems || size != uint64(len(src)) {
		return false
	}
	r.items = slices.Grow(r.items[:0], int(r.itemsLen)+1)[:r.itemsLen]
	texts := uint64(0)
	for i := range r.items {
		it := &r.items[i]
		copy(canonical.Memory(it), src)
		src = src[each:]
		for _, n := range it.lens {
			texts += uint64(n)
		}
		if it.kind > searchItem || it.form > encryption {
			return false
		}
	}
	if texts != uint64(r.textsLen) {
		return false
	}
	r.texts, src = append(r.texts[:0], src[:r.textsLen]...), src[r.textsLen:]
	r.request, src = src[:r.requestLen:r.requestLen], src[r.requestLen:]
	r.model, src = src[:r.modelLen:r.modelLen], src[r.modelLen:]
	r.context = src
	return true
}
