// Package sse frames event streams: it cuts a byte stream into Server-Sent Events
// without changing a byte of them, and writes new ones. It is not an EventSource
// client: it keeps no last event id, obeys no "retry" field, and does not look
// into the data.
package framing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// DefaultMaxEvent is the largest frame in bytes that a Reader takes unless told
// otherwise.
const DefaultMaxEvent = 1 << 20

// ErrTooLong is returned for a frame that is larger than the Reader's bound.
var ErrTooLong = errors.New("event is too long")

// Event is one frame of a stream. Its slices are valid until the next call of the
// Reader that returned it.
type Event struct {
	// Name is the value of the last "event" field, ID that of the last "id" field;
	// nil when the frame has none.
	Name []byte
	ID   []byte
	// Data joins the values of the "data" fields with "\n". It is nil when the frame
	// has none, as in a comment or a blank line, and empty but not nil when it has
	// an empty one.
	Data []byte
	// Raw is the frame byte for byte, the blank line that ends it included. All Raw
	// of a stream, put together, are the stream.
	Raw []byte
	// Partial marks the last frame of a stream that ended without the blank line.
	Partial bool
}

// Reader cuts a stream into events. It is used by one goroutine at a time.
type Reader struct {
	src io.Reader
	max int
	err error

	// buf[frame:end] is unread input: the frame being parsed starts at frame, its
	// current line at line, and no line terminator stands before seen.
	buf                    []byte
	pooled                 *[]byte
	frame, line, seen, end int

	// started says that a byte order mark would have been skipped by now, loneCR
	// that the last line ended in a carriage return only, skipLF that a line feed
	// at the start of the frame belongs to the line before.
	started, loneCR, skipLF bool

	f      fields
	joined []byte
}

// smallBuffer is what a Reader starts with; larger ones than keepBuffer are not
// kept for the next Reader. Both in bytes.
const (
	smallBuffer = 8 << 10
	keepBuffer  = 64 << 10
)

var buffers = sync.Pool{New: func() any {
	b := make([]byte, smallBuffer)
	return &b
}}

// NewReader reads events from r. A frame of more than maxEvent bytes is an error;
// zero means DefaultMaxEvent. Release gives the Reader's buffer back.
func NewReader(r io.Reader, maxEvent int) *Reader {
	if maxEvent <= 0 {
		maxEvent = DefaultMaxEvent
	}
	b := buffers.Get().(*[]byte)
	return &Reader{src: r, max: maxEvent, buf: *b, pooled: b}
}

// Release gives the buffer to later Readers. The last event is invalid from then
// on, and Next returns io.ErrClosedPipe. It may be called twice.
func (r *Reader) Release() {
	if r.pooled != nil && len(r.buf) <= keepBuffer {
		*r.pooled = r.buf
		buffers.Put(r.pooled)
	}
	r.buf, r.pooled, r.joined, r.err = nil, nil, nil, io.ErrClosedPipe
	r.frame, r.line, r.seen, r.end = 0, 0, 0, 0
}

// Ready reports whether Next has a frame at hand. When it is false, Next may have to
// wait for the source. It may be false for a frame that is there, where lines end in a
// carriage return.
func (r *Reader) Ready() bool {
	if r.err != nil {
		return true
	}
	rest := r.buf[r.line:r.end]
	if r.skipLF { // a line feed at the front may belong to the frame before
		rest = bytes.TrimPrefix(rest, []byte("\n"))
	}
	return bytes.Contains(rest, []byte("\n\n")) || bytes.Contains(rest, []byte("\n\r\n"))
}

// Next returns the next frame as soon as the blank line that ends it has arrived.
// It returns io.EOF after the last frame, ErrTooLong for a frame beyond the bound,
// or the source's error; an error stays.
func (r *Reader) Next() (Event, error) {
	r.f = fields{}
	r.frame = r.line
	if r.frame == r.end {
		r.frame, r.line, r.seen, r.end = 0, 0, 0, 0
	}
	for {
		done, ok := r.scan()
		if done {
			return r.event(false)
		}
		if ok {
			continue
		}
		if r.err != nil {
			return r.last()
		}
		r.fill()
	}
}

// last ends the stream: what stands in the buffer at its clean end is a frame
// without its blank line.
func (r *Reader) last() (Event, error) {
	if r.err != io.EOF || r.frame == r.end {
		return Event{}, r.err
	}
	// A carriage return that waited for its line feed is a blank line after all, and
	// a line feed alone belongs to the frame before.
	tail := r.buf[r.line:r.end]
	whole := string(tail) == "\r" || string(r.buf[r.frame:r.end]) == "\n"
	if tail = bytes.TrimSuffix(tail, []byte("\r")); len(tail) > 0 {
		r.field(tail)
	}
	r.line, r.seen = r.end, r.end
	return r.event(!whole)
}

func (r *Reader) event(partial bool) (Event, error) {
	if r.line-r.frame > r.max {
		r.err = r.tooLong()
		r.frame, r.line, r.seen, r.end = 0, 0, 0, 0
		return Event{}, r.err
	}
	e := Event{
		Name:    r.at(r.f.name),
		ID:      r.at(r.f.id),
		Data:    r.at(r.f.data),
		Raw:     r.buf[r.frame:r.line:r.line],
		Partial: partial,
	}
	if r.f.lines > 1 {
		e.Data = r.joined
	}
	return e, nil
}

func (r *Reader) tooLong() error {
	return fmt.Errorf("%w: more than %d bytes", ErrTooLong, r.max)
}

// fill reads once, having made room. A source that gives nothing a hundred times
// in a row is broken.
func (r *Reader) fill() {
	if err := r.room(); err != nil {
		r.err = err
		return
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.end:])
		if n < 0 || n > len(r.buf)-r.end {
			r.err = errors.New("reader returned an impossible count")
			return
		}
		r.end += n
		r.err = err
		if n > 0 || err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// room makes space behind end: by moving the frame to the front, else by doubling
// the buffer.
func (r *Reader) room() error {
	if r.end < len(r.buf) && r.end-r.frame <= r.max {
		return nil
	}
	if r.end-r.frame > r.max {
		return r.tooLong()
	}
	to := r.buf
	if r.frame < len(r.buf)/2 {
		to = make([]byte, 2*len(r.buf))
	}
	copy(to, r.buf[r.frame:r.end])
	r.buf = to
	r.line, r.seen, r.end = r.line-r.frame, r.seen-r.frame, r.end-r.frame
	r.frame = 0
	return nil
}
