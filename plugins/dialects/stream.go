package main

import "encoding/binary"

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

// maxPending bounds the citations, in bytes, that wait for the end of their text.
const maxPending = 16 << 10

// stream is what a stream has to remember from one event to the next. The host
// carries it as opaque bytes, so any instance can serve any event.
type stream struct {
	phase phase
	usage usage
	// tools and thoughts count what has been begun; they are the next indices.
	tools, thoughts int64
	// text counts the characters of content so far, textStart those before the
	// block that is open.
	text, textStart int64
	open            []openBlock
	// citations are those of the open text: the insides of url_citation objects,
	// each behind its length.
	citations []byte
	// head begins every chunk: all of it up to its choices.
	head []byte
	// model is what was asked for, until the provider says what answers.
	model []byte
}

// openBlock is a content block that has begun and not ended. Its index is the
// provider's; number is ours, among the tool calls or thoughts.
type openBlock struct {
	kind   block
	index  int64
	number int64
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

// counters are the numbers of the state, in the order in which they are stored.
func (s *stream) counters() [11]*int64 {
	return [...]*int64{&s.usage.input, &s.usage.output, &s.usage.cacheRead, &s.usage.cacheWrite,
		&s.usage.cacheWriteLong, &s.usage.thinking, &s.usage.searches,
		&s.tools, &s.thoughts, &s.text, &s.textStart}
}

// append appends the state in its stored form: phase, counters, open blocks, and
// the byte strings behind their lengths, all numbers as varints.
func (s *stream) append(dst []byte) []byte {
	dst = append(dst, byte(s.phase), bit(s.usage.known))
	for _, n := range s.counters() {
		dst = binary.AppendVarint(dst, *n)
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.open)))
	for _, b := range s.open {
		dst = append(dst, byte(b.kind), bit(b.filled)|bit(b.complete)<<1)
		dst = binary.AppendVarint(dst, b.index)
		dst = binary.AppendVarint(dst, b.number)
	}
	for _, part := range [...][]byte{s.citations, s.head, s.model} {
		dst = binary.AppendUvarint(dst, uint64(len(part)))
		dst = append(dst, part...)
	}
	return dst
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// load reads what append wrote and reports false for anything else. The byte
// strings alias src.
func (s *stream) load(src []byte) bool {
	*s = stream{open: s.open[:0]}
	d := decoder{rest: src}
	s.phase, s.usage.known = phase(d.byte()), d.byte() != 0
	for _, n := range s.counters() {
		*n = d.varint()
	}
	n := d.uvarint()
	if d.bad || n > maxOpen {
		return false
	}
	for range n {
		b := openBlock{kind: block(d.byte())}
		flags := d.byte()
		b.filled, b.complete = flags&1 != 0, flags&2 != 0
		b.index, b.number = d.varint(), d.varint()
		s.open = append(s.open, b)
	}
	s.citations, s.head, s.model = d.bytes(), d.bytes(), d.bytes()
	return !d.bad && len(d.rest) == 0 && s.phase <= ended
}

// decoder reads from the front of rest; bad stays true once something was missing.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.bad = true
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.rest)
	return n * d.skip(size)
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.rest)
	return n * uint64(d.skip(size))
}

// skip drops size bytes and returns 1, or 0 when size says that there was no number.
func (d *decoder) skip(size int) int64 {
	if size <= 0 {
		d.bad = true
		return 0
	}
	d.rest = d.rest[size:]
	return 1
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}
