package gemini

import (
	"slices"
	"unsafe"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// clientReply is a reply that is being streamed to the client. All but its Writer is what a
// stream has to remember from one chunk to the next.
type clientReply struct {
	canonical.Writer
	clientProgress
	calls []streamCall
	// held are the texts of the calls, in their order.
	held []byte
	// carry is what the first call, or the end of the text, brings back to the provider.
	carry carried
	// thought is Claude's open thought, the inside of a JSON string.
	thought []byte
	// pages are those that the text refers to, a line each.
	pages []byte
	text  textMap
	// request is the request's id, model a JSON string, textSignature Google's own. Names are
	// those of tools that the client calls otherwise, as the context has them.
	request                     []byte
	model, textSignature, names canonical.Value
}

// storedTexts are the texts of the state, in their order.
func (r *clientReply) storedTexts() [11]*[]byte {
	return [...]*[]byte{&r.held, &r.carry.blocks.B, &r.carry.details.B, &r.carry.reasoning, &r.thought, &r.pages, &r.text.wide,
		&r.request, (*[]byte)(&r.model), (*[]byte)(&r.textSignature), (*[]byte)(&r.names)}
}

// clientProgress is the part of the state that has a fixed size.
type clientProgress struct {
	usage   canonical.Usage
	choices [canonical.MaxChoices]clientEnd
	// begun is a set of answers, a bit each.
	begun uint32
	// thoughtKey is the number of Claude's open thought in the canonical stream.
	thoughtKey int64
	// The lengths of what follows in the stored form.
	callsLen uint32
	lens     [11]uint32
	// run and full are the map's.
	run  int64
	full bool
	// shows says that the client wants to see thoughts, mayCall that it has functions.
	shows, mayCall bool
	ended          bool
}

// The texts of a call, in their order.
const (
	callID = iota
	callName
	callArguments
	callSignature
	textsOfCall
)

// streamCall is a call of a reply that is being streamed. Google gives calls as a whole.
type streamCall struct {
	// choice is which answer it is of, key its number there.
	choice, key int64
	lens        [textsOfCall]uint32
}

// maxStreamCalls bounds the calls of a reply.
const maxStreamCalls = 1024

// AppendState appends the state in its stored form.
func (c *Client) AppendState(dst []byte) []byte {
	r := &c.reply
	r.run, r.full, r.callsLen = r.text.run, r.text.full, uint32(len(r.calls))
	for i, text := range r.storedTexts() {
		r.lens[i] = uint32(len(*text))
	}
	dst = append(dst, canonical.Memory(&r.clientProgress)...)
	for i := range r.calls {
		dst = append(dst, canonical.Memory(&r.calls[i])...)
	}
	for _, text := range r.storedTexts() {
		dst = append(dst, *text...)
	}
	return dst
}

// LoadState reads what AppendState wrote and reports false for what cannot be that. The state
// aliases src.
func (c *Client) LoadState(src []byte) bool {
	const fixed, each = int(unsafe.Sizeof(clientProgress{})), int(unsafe.Sizeof(streamCall{}))
	r := &c.reply
	if len(src) < fixed {
		return false
	}
	copy(canonical.Memory(&r.clientProgress), src)
	src = src[fixed:]
	size := uint64(r.callsLen) * uint64(each)
	for _, n := range r.lens {
		size += uint64(n)
	}
	if r.callsLen > maxStreamCalls || size != uint64(len(src)) {
		return false
	}
	r.calls = slices.Grow(r.calls[:0], int(r.callsLen)+1)[:r.callsLen]
	held := uint64(0)
	for i := range r.calls {
		call := &r.calls[i]
		copy(canonical.Memory(call), src)
		src = src[each:]
		for _, n := range call.lens {
			held += uint64(n)
		}
		if call.choice < 0 || call.choice >= canonical.MaxChoices {
			return false
		}
	}
	if held != uint64(r.lens[0]) {
		return false
	}
	for i, text := range r.storedTexts() {
		n := r.lens[i]
		*text, src = src[:n:n], src[n:]
	}
	r.text.run, r.text.full = r.run, r.full
	return true
}
