package completions

import (
	"slices"
	"unsafe"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// clientReply is a completion that is being streamed to the client. All but its Writer is
// what a stream has to remember from one chunk to the next.
type clientReply struct {
	canonical.Writer
	clientProgress
	offsets []textOffset
	// request is the request's id, echo what stands before each answer.
	request, echo []byte
}

// clientProgress is the part of the state that has a fixed size.
type clientProgress struct {
	created int64
	// The lengths of what follows in the stored form.
	offsetsLen, requestLen, echoLen uint32
	ended                           bool
}

// textOffset is how far the text of one choice has come.
type textOffset struct {
	index int64
	// at is its length in characters.
	at    int64
	begun bool
}

// maxChoices bounds the choices of a reply.
const maxChoices = 256

// offset returns how far a choice has come, nil when there are too many. It is valid until
// the next call.
func (r *clientReply) offset(index int64) *textOffset {
	for i := range r.offsets {
		if r.offsets[i].index == index {
			return &r.offsets[i]
		}
	}
	if len(r.offsets) == maxChoices {
		return nil
	}
	r.offsets = append(r.offsets, textOffset{index: index})
	return &r.offsets[len(r.offsets)-1]
}

// AppendState appends the state in its stored form.
func (c *Client) AppendState(dst []byte) []byte {
	r := &c.reply
	r.offsetsLen, r.requestLen, r.echoLen = uint32(len(r.offsets)), uint32(len(r.request)), uint32(len(r.echo))
	dst = append(dst, canonical.Memory(&r.clientProgress)...)
	for i := range r.offsets {
		dst = append(dst, canonical.Memory(&r.offsets[i])...)
	}
	return append(append(dst, r.request...), r.echo...)
}

// LoadState reads what AppendState wrote and reports false for what cannot be that. The state
// aliases src.
func (c *Client) LoadState(src []byte) bool {
	const fixed, each = int(unsafe.Sizeof(clientProgress{})), int(unsafe.Sizeof(textOffset{}))
	r := &c.reply
	if len(src) < fixed {
		return false
	}
	copy(canonical.Memory(&r.clientProgress), src)
	src = src[fixed:]
	size := uint64(r.offsetsLen)*uint64(each) + uint64(r.requestLen) + uint64(r.echoLen)
	if r.offsetsLen > maxChoices || size != uint64(len(src)) {
		return false
	}
	r.offsets = slices.Grow(r.offsets[:0], int(r.offsetsLen)+1)[:r.offsetsLen]
	for i := range r.offsets {
		copy(canonical.Memory(&r.offsets[i]), src)
		src = src[each:]
	}
	r.request, r.echo = src[:r.requestLen:r.requestLen], src[r.requestLen:]
	return true
}
