package canonical

import (
	"bytes"
	"unsafe"
)

// phase is how far a stream has come.
type phase byte

const (
	started  phase = iota // nothing has been sent to the client
	opened                // the role has been sent
	finished              // the finish reason has been sent
	ended                 // complete or failed: nothing more follows
)

// streamState is what Chunks has to remember from one event to the next. The host carries
// it as opaque bytes, so any instance can serve any event.
type streamState struct {
	progress
	// citations are those of the open text: the insides of url_citation objects, a line
	// each.
	citations []byte
	// annotations are those of the texts that have ended, a line each.
	annotations []byte
	// head begins every chunk: all of it up to its choices.
	head []byte
	// model is the target's, until the reply is opened.
	model []byte
	// names are those of the tools that the caller calls otherwise, as in replyContext.
	names []byte
	// parked are the choices other than the current one, in their stored form.
	parked []byte
}

// progress is the part of the state that has a fixed size.
type progress struct {
	choiceProgress
	// The lengths of what follows in the stored form.
	headLen, modelLen, namesLen, parkedLen uint32
	// named is set when the head holds the model's name, or can't have one any more.
	named bool
	// legacy is set when a call is wanted in the deprecated form.
	legacy bool
}

// choiceProgress is the part of the state of one choice that has a fixed size.
type choiceProgress struct {
	// index is which of a reply's choices it is.
	index int64
	// calls, thoughts, details and images count what has been begun; they are the next indices.
	calls, thoughts, details, images int64
	// text counts the characters of content so far, textStart those before the text that
	// is open.
	text, textStart int64
	// The lengths of what follows in the stored form.
	citationsLen, annotationsLen uint32
	phase                        phase
	// stop is why the reply ended, Unfinished until the provider has sent it. Refused is set
	// when a refusal has been sent.
	stop    Finish
	refused bool
	// reasoned is set when details have been shown as text.
	reasoned bool
}

// AppendState appends the state in its stored form.
func (c *Chunks) AppendState(dst []byte) []byte {
	c.citationsLen, c.annotationsLen = uint32(len(c.citations)), uint32(len(c.annotations))
	c.headLen, c.modelLen = uint32(len(c.head)), uint32(len(c.model))
	c.namesLen, c.parkedLen = uint32(len(c.names)), uint32(len(c.parked))
	dst = append(append(dst, Memory(&c.progress)...), c.head...)
	if c.citationsLen|c.annotationsLen|c.modelLen|c.namesLen|c.parkedLen == 0 {
		return dst // as nearly always
	}
	dst = append(append(dst, c.citations...), c.annotations...)
	return append(append(append(dst, c.model...), c.names...), c.parked...)
}

// LoadState reads what AppendState wrote and returns what follows it. It reports false for
// what cannot be that. The state aliases src.
func (c *Chunks) LoadState(src []byte) (rest []byte, ok bool) {
	const fixed = int(unsafe.Sizeof(progress{}))
	if len(src) < fixed {
		return nil, false
	}
	copy(Memory(&c.progress), src)
	src = src[fixed:]
	size := uint64(c.citationsLen) + uint64(c.annotationsLen) + uint64(c.headLen) + uint64(c.modelLen) + uint64(c.namesLen) + uint64(c.parkedLen)
	if c.phase > ended || uint64(len(src)) < size {
		return nil, false
	}
	c.head, src = cut(src, c.headLen)
	c.citations, src = cut(src, c.citationsLen)
	c.annotations, src = cut(src, c.annotationsLen)
	c.model, src = cut(src, c.modelLen)
	c.names, src = cut(src, c.namesLen)
	c.parked, src = cut(src, c.parkedLen)
	return src, true
}

// cut splits n bytes off. They have no spare capacity, so that appending to them does not
// write over what follows.
func cut(src []byte, n uint32) (head, rest []byte) { return src[:n:n], src[n:] }

// Memory is the memory of a value that holds no pointers: its stored form in a state,
// which only the module that wrote it reads again.
func Memory[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// IsOpen reports whether the role has been sent and the finish reason has not.
func (c *Chunks) IsOpen() bool { return c.phase == opened }

// Finished reports whether the finish reason has been sent.
func (c *Chunks) Finished() bool { return c.phase == finished }

// Ended reports whether the reply is complete or has failed.
func (c *Chunks) Ended() bool { return c.phase == ended }

// Calls is how many tool calls have begun.
func (c *Chunks) Calls() int64 { return c.calls }

// Stop is why the reply ended, Unfinished until the provider has sent it.
func (c *Chunks) Stop() Finish { return c.stop }

// Object reads the data of an event, which has to be a JSON object in one line: what is
// copied from it has to stay in its line. An event of null is skipped, any other fails the
// stream; both report false.
func (c *Chunks) Object(data []byte) (Value, bool) {
	data = bytes.TrimSpace(data)
	if string(data) == "null" {
		return nil, false
	}
	if !Valid(data) || data[0] != '{' {
		c.Fail(ServerError(Upstream, "The provider's stream holds an event that is not a JSON object."))
		return nil, false
	}
	return OneLine(data), true
}

// OneLine replaces line ends by spaces; in JSON they stand only between values. It writes to
// data and returns it.
func OneLine(data []byte) Value {
	for _, end := range [...]byte{'\n', '\r'} {
		rest := data
		for i := bytes.IndexByte(rest, end); i >= 0; i = bytes.IndexByte(rest, end) {
			rest[i] = ' '
			rest = rest[i:]
		}
	}
	return data
}
