package anthropic

import (
	"slices"
	"unsafe"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// maxOpen bounds the content blocks open at one time; Anthropic opens one.
const maxOpen = 32

// stream is what a stream has to remember from one event to the next beside its chunks'
// state.
type stream struct {
	progress
	open []openBlock
}

// progress is the part of the state that has a fixed size.
type progress struct {
	usage   usage
	openLen uint32
	said    canonical.Speech
	// whole is set when message_start held the whole reply and its stop_reason.
	whole bool
}

// openBlock is a content block that has begun and not ended. Its index is the provider's;
// number is ours, among the tool calls or thoughts.
type openBlock struct {
	index, number int64
	kind          canonical.BlockKind
	// filled is set when arguments of a tool call have been sent, complete when they came as a
	// whole.
	filled, complete bool
}

// block finds the open block with the provider's index; nil when there is none.
func (s *stream) block(index int64) *openBlock {
	for i := range s.open {
		if s.open[i].index == index {
			return &s.open[i]
		}
	}
	return nil
}

// begin opens a block and reports false when it is open, or too many are.
func (s *stream) begin(b openBlock) bool {
	if s.block(b.index) != nil || len(s.open) == maxOpen {
		return false
	}
	s.open = append(s.open, b)
	return true
}

func (s *stream) end(index int64) {
	for i := range s.open {
		if s.open[i].index == index {
			s.open = append(s.open[:i], s.open[i+1:]...)
			return
		}
	}
}

// AppendState appends the state of the stream in its stored form.
func (p *Provider) AppendState(dst []byte) []byte {
	s := &p.stream
	s.openLen = uint32(len(s.open))
	dst = append(dst, canonical.Memory(&s.progress)...)
	for i := range s.open {
		dst = append(dst, canonical.Memory(&s.open[i])...)
	}
	return dst
}

// LoadState reads what AppendState wrote and reports false for what cannot be that.
func (p *Provider) LoadState(src []byte) bool {
	const fixed, each = int(unsafe.Sizeof(progress{})), int(unsafe.Sizeof(openBlock{}))
	s := &p.stream
	if len(src) < fixed {
		return false
	}
	copy(canonical.Memory(&s.progress), src)
	src = src[fixed:]
	if s.openLen > maxOpen || len(src) != int(s.openLen)*each {
		return false
	}
	s.open = slices.Grow(s.open[:0], maxOpen)[:s.openLen]
	for i := range s.open {
		copy(canonical.Memory(&s.open[i]), src)
		src = src[each:]
	}
	return true
}
