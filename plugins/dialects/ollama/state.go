package ollama

import (
	"unsafe"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// stream is what a stream has to remember from one line to the next beside its chunks' state.
type stream struct {
	// thought is the number of the thinking, if there has been any.
	thought int64
	thinks  bool
}

// thinking sends on a piece of thinking, given as the inside of a JSON string.
func (s *stream) thinking(c *canonical.Chunks, raw []byte) {
	if len(raw) == 0 {
		return
	}
	if !s.thinks {
		s.thought, s.thinks = c.NewThought(), true
	}
	c.Thinking(s.thought, raw)
}

// AppendState appends the state of the stream in its stored form.
func (p *Provider) AppendState(dst []byte) []byte {
	return append(dst, canonical.Memory(&p.stream)...)
}

// LoadState reads what AppendState wrote and reports false for what cannot be that.
func (p *Provider) LoadState(src []byte) bool {
	if len(src) != int(unsafe.Sizeof(stream{})) {
		return false
	}
	copy(canonical.Memory(&p.stream), src)
	return true
}
