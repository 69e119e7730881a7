package anthropic

import (
	"slices"
	"unsafe"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// replyPhase is how far a message that is being streamed has come.
type replyPhase byte

const (
	replyStarted replyPhase = iota // nothing has been sent
	replyOpened                    // message_start has been sent
	replyEnded
)

// clientReply is a message that is being streamed to the client. All but its Writer is what
// a stream has to remember from one chunk to the next.
type clientReply struct {
	canonical.Writer
	replyProgress
	blocks []replyBlock
	// held is what blocks that wait have to send, in their order.
	held []byte
	// request is the request's id, sequence the stop sequence that was met.
	request  []byte
	sequence canonical.Value
	// citations wait for their text, a line each.
	citations []byte
	// names are those of tools that the client calls otherwise, as the context has them.
	names canonical.Value
}

// replyProgress is the part of the state that has a fixed size.
type replyProgress struct {
	usage canonical.Usage
	// next is the index of the next block; calls counts the calls.
	next, calls int64
	// The lengths of what follows in the stored form.
	blocksLen, heldLen, requestLen, sequenceLen, citationsLen, namesLen uint32
	phase                                                               replyPhase
	finish                                                              canonical.Finish
	word                                                                stopWord
	// refused says that there was a refusal, signed that thoughts have come that are signed,
	// crowded that blocks do not wait any more.
	refused, signed, crowded bool
}

// AppendState appends the state in its stored form.
func (c *Client) AppendState(dst []byte) []byte {
	r := &c.reply
	r.blocksLen, r.heldLen = uint32(len(r.blocks)), uint32(len(r.held))
	r.requestLen, r.sequenceLen, r.citationsLen = uint32(len(r.request)), uint32(len(r.sequence)), uint32(len(r.citations))
	r.namesLen = uint32(len(r.names))
	dst = append(dst, canonical.Memory(&r.replyProgress)...)
	for i := range r.blocks {
		dst = append(dst, canonical.Memory(&r.blocks[i])...)
	}
	return append(append(append(append(append(dst, r.held...), r.request...), r.sequence...), r.citations...), r.names...)
}

// LoadState reads what AppendState wrote and reports false for what cannot be that. The state
// aliases src.
func (c *Client) LoadState(src []byte) bool {
	const fixed, each = int(unsafe.Sizeof(replyProgress{})), int(unsafe.Sizeof(replyBlock{}))
	r := &c.reply
	if len(src) < fixed {
		return false
	}
	copy(canonical.Memory(&r.replyProgress), src)
	src = src[fixed:]
	size := uint64(r.blocksLen)*uint64(each) + uint64(r.heldLen) + uint64(r.requestLen) + uint64(r.sequenceLen) + uint64(r.citationsLen) + uint64(r.namesLen)
	if r.phase > replyEnded || r.blocksLen > maxReplyBlocks || size != uint64(len(src)) {
		return false
	}
	r.blocks = slices.Grow(r.blocks[:0], maxReplyBlocks)[:r.blocksLen]
	held := uint64(0)
	for i := range r.blocks {
		b := &r.blocks[i]
		copy(canonical.Memory(b), src)
		src = src[each:]
		if b.phase > blockClosed {
			return false
		}
		held += uint64(b.idLen) + uint64(b.nameLen) + uint64(b.heldLen)
	}
	if held != uint64(r.heldLen) {
		return false
	}
	r.held, src = src[:r.heldLen:r.heldLen], src[r.heldLen:]
	r.request, src = src[:r.requestLen:r.requestLen], src[r.requestLen:]
	r.sequence, src = canonical.Value(src[:r.sequenceLen:r.sequenceLen]), src[r.sequenceLen:]
	r.citations, r.names = src[:r.citationsLen:r.citationsLen], canonical.Value(src[r.citationsLen:])
	return true
}
