package cohere

import (
	"slices"
	"unsafe"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// maxCalls bounds the tool calls of one reply.
const maxCalls = 256

// stream is what a stream has to remember from one event to the next beside its chunks'
// state.
type stream struct {
	progress
	calls []openCall
}

// progress is the part of the state that has a fixed size.
type progress struct {
	usage usage
	// textStart is how many characters of content came before the text that began last.
	textStart int64
	// thought is the number of the thinking that is open, if thinking is set, thinkingIndex
	// its index.
	thinkingIndex, thought int64
	thinking               bool
	callsLen               uint32
}

// openCall is a tool call that has begun. Its index is the provider's, number is ours. Filled
// is set when arguments have been sent.
type openCall struct {
	index, number int64
	filled        bool
}

// call finds the call with the provider's index; nil when there is none.
func (s *stream) call(index int64) *openCall {
	for i := range s.calls {
		if s.calls[i].index == index {
			return &s.calls[i]
		}
	}
	return nil
}

// begin notes a call and reports false when it has begun already, or too many have.
func (s *stream) begin(index, number int64) bool {
	if s.call(index) != nil || len(s.calls) == maxCalls {
		return false
	}
	s.calls = append(s.calls, openCall{index: index, number: number})
	return true
}

// AppendState appends the state of the stream in its stored form.
func (p *Provider) AppendState(dst []byte) []byte {
	s := &p.stream
	s.callsLen = uint32(len(s.calls))
	dst = append(dst, canonical.Memory(&s.progress)...)
	for i := range s.calls {
		dst = append(dst, canonical.Memory(&s.calls[i])...)
	}
	return dst
}

// LoadState reads what AppendState wrote and reports false for what cannot be that.
func (p *Provider) LoadState(src []byte) bool {
	const fixed, each = int(unsafe.Sizeof(progress{})), int(unsafe.Sizeof(openCall{}))
	s := &p.stream
	if len(src) < fixed {
		return false
	}
	copy(canonical.Memory(&s.progress), src)
	src = src[fixed:]
	if s.callsLen > maxCalls || len(src) != int(s.callsLen)*each {
		return false
	}
	s.calls = slices.Grow(s.calls[:0], maxCalls)[:s.callsLen]
	for i := range s.calls {
		copy(canonical.Memory(&s.calls[i]), src)
		src = src[each:]
	}
	return true
}
