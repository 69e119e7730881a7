package responses

import (
	"slices"
	"unsafe"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// maxOpen bounds the items open at one time, maxProvider the length of the provider's name.
const (
	maxOpen     = 64
	maxProvider = 256
)

// stream is what a stream has to remember from one event to the next beside its chunks'
// state.
type stream struct {
	progress
	open     []openItem
	provider []byte
}

// progress is the part of the state that has a fixed size.
type progress struct {
	openLen, providerLen uint32
	// searches counts web searches.
	searches int64
	// began is set when an item has begun, texts when a text has been sent.
	began, texts bool
}

// openItem is an item that has begun and not ended. Its index is the provider's; number is
// ours, among the tool calls or details.
type openItem struct {
	index, number int64
	// part is which part of the item is open: of a message's content, or of a reasoning's
	// summary or text, by partKind.
	part     int64
	partKind canonical.DetailKind
	// start is how many characters stand before the message's text, partStart before that of
	// the open part.
	start, partStart int64
	kind             itemKind
	// began is set when any of the item has been sent, filled when any of its open part has.
	// Cited is set when it has citations.
	began, filled, cited bool
	// visible is set when parts of the kind visibleKind have been sent as text: others are
	// hidden.
	visible     bool
	visibleKind canonical.DetailKind
}

// item finds the open item with the provider's index; nil when there is none.
func (s *stream) item(index int64) *openItem {
	for i := range s.open {
		if s.open[i].index == index {
			return &s.open[i]
		}
	}
	return nil
}

// begin opens an item; nil when too many are open.
func (s *stream) begin(it openItem) *openItem {
	if len(s.open) == maxOpen {
		return nil
	}
	s.began = true
	s.open = append(s.open, it)
	return &s.open[len(s.open)-1]
}

func (s *stream) end(index int64) {
	s.open = slices.DeleteFunc(s.open, func(it openItem) bool { return it.index == index })
}

// AppendState appends the state of the stream in its stored form.
func (p *Provider) AppendState(dst []byte) []byte {
	s := &p.stream
	s.openLen, s.providerLen = uint32(len(s.open)), uint32(len(s.provider))
	dst = append(dst, canonical.Memory(&s.progress)...)
	for i := range s.open {
		dst = append(dst, canonical.Memory(&s.open[i])...)
	}
	return append(dst, s.provider...)
}

// LoadState reads what AppendState wrote and reports false for what cannot be that.
func (p *Provider) LoadState(src []byte) bool {
	const fixed, each = int(unsafe.Sizeof(progress{})), int(unsafe.Sizeof(openItem{}))
	s := &p.stream
	if len(src) < fixed {
		return false
	}
	copy(canonical.Memory(&s.progress), src)
	src = src[fixed:]
	if s.openLen > maxOpen || s.providerLen > maxProvider || len(src) != int(s.openLen)*each+int(s.providerLen) {
		return false
	}
	s.open = slices.Grow(s.open[:0], maxOpen)[:s.openLen]
	for i := range s.open {
		copy(canonical.Memory(&s.open[i]), src)
		src = src[each:]
	}
	s.provider = src
	return true
}
