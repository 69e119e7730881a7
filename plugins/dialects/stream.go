package dialects

import (
	"slices"
	"unsafe"
)

// phase is how far a stream has come.
type phase byte

const (
	started  phase = iota // nothing has been said to the client
	opened                // the role has been sent
	finished              // the finish reason has been sent
	ended                 // complete or failed: nothing more follows
)

// maxOpen bounds the content blocks open at one time; Anthropic opens one.
const maxOpen = 32

// maxPending bounds the citations, in bytes, that wait for the end of the reply.
const maxPending = 20 << 10

// stream is what a stream has to remember from one event to the next. The host
// carries it as opaque bytes, so any instance can serve any event.
type stream struct {
	progress
	open []openBlock
	// citations are those of the open text: the insides of url_citation objects,
	// a line each.
	citations []byte
	// annotations are those of the texts that have ended, a line each.
	annotations []byte
	// head begins every chunk: all of it up to its choices.
	head []byte
	// model is what was asked for, until the provider says what answers.
	model []byte
	// names are those of tools that the caller calls otherwise, as in recall.
	names []byte
}

// progress is the part of the state that has a fixed size. It is stored as its
// memory, which only this module reads again.
type progress struct {
	usage usage
	// tools and thoughts count what has been begun; they are the next indices.
	tools, thoughts int64
	// text counts the characters of content so far, textStart those before the
	// block that is open.
	text, textStart int64
	// The lengths of what follows in the stored form.
	openLen, citationsLen, annotationsLen uint32
	headLen, modelLen, namesLen           uint32
	phase                                 phase
	// stop is why the reply ended, as far as the provider has said, refused that it has
	// said why it would not answer.
	stop    finish
	refused bool
	// sealed says that message_start held the whole reply and why it ended.
	sealed bool
	// legacy says that a call is wanted in the deprecated form.
	legacy bool
}

// openBlock is a content block that has begun and not ended. Its index is the
// provider's; number is ours, among the tool calls or thoughts.
type openBlock struct {
	index, number int64
	kind          block
	// filled marks a tool call whose arguments have been sent, complete that they
	// came as a whole.
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

// begin opens a block and reports false when too many are open.
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

// image is the memory of a value that holds no pointers.
func image[T progress | openBlock](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// append appends the state in its stored form: progress, open blocks, byte strings.
func (s *stream) append(dst []byte) []byte {
	s.openLen, s.citationsLen = uint32(len(s.open)), uint32(len(s.citations))
	s.annotationsLen = uint32(len(s.annotations))
	s.headLen, s.modelLen, s.namesLen = uint32(len(s.head)), uint32(len(s.model)), uint32(len(s.names))
	dst = append(dst, image(&s.progress)...)
	for i := range s.open {
		dst = append(dst, image(&s.open[i])...)
	}
	dst = append(append(dst, s.citations...), s.annotations...)
	dst = append(dst, s.head...)
	return append(append(dst, s.model...), s.names...)
}

// load reads what append wrote and reports false for what cannot be that. The byte
// strings alias src.
func (s *stream) load(src []byte) bool {
	const fixed, each = int(unsafe.Sizeof(progress{})), int(unsafe.Sizeof(openBlock{}))
	if len(src) < fixed {
		return false
	}
	copy(image(&s.progress), src)
	src = src[fixed:]
	size := uint64(s.openLen)*uint64(each) + uint64(s.citationsLen) + uint64(s.annotationsLen) + uint64(s.headLen) + uint64(s.modelLen) + uint64(s.namesLen)
	if s.openLen > maxOpen || uint64(len(src)) != size || s.phase > ended {
		return false
	}
	s.open = slices.Grow(s.open[:0], maxOpen)[:s.openLen]
	for i := range s.open {
		copy(image(&s.open[i]), src)
		src = src[each:]
	}
	s.citations, src = cut(src, s.citationsLen)
	s.annotations, src = cut(src, s.annotationsLen)
	s.head, src = cut(src, s.headLen)
	s.model, src = cut(src, s.modelLen)
	s.names, _ = cut(src, s.namesLen)
	return true
}

// cut splits n bytes off. They have no spare capacity, so that appending to them
// does not write over what follows.
func cut(src []byte, n uint32) (head, rest []byte) { return src[:n:n], src[n:] }
