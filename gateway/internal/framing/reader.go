// Package framing splits a byte stream into events, without changing a byte of them:
// Server-Sent Events (SSE), lines of JSON, or the elements of a JSON array. It writes
// Server-Sent Events, too. It is not an EventSource client: it has no last event id,
// ignores "retry" fields, and does not parse the data.
package framing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// DefaultMaxEvent is the default for the largest frame of a Reader, in bytes.
const DefaultMaxEvent = 1 << 20

// ErrTooLong is the error for a frame that is larger than the Reader's bound.
var ErrTooLong = errors.New("event is too long")

// Event is one frame of a stream. Its slices are valid until the next call of the
// Reader that returned it.
type Event struct {
	// Name is the value of the last "event" field, ID that of the last "id" field; nil
	// without such a field.
	Name []byte
	ID   []byte
	// Data is the values of the "data" fields, joined with "\n". It is nil without such a
	// field, as for a comment or a blank line, and empty but not nil for an empty field.
	Data []byte
	// Raw is the frame byte for byte, with the blank line that ends it. The Raw of all
	// events of a stream, joined, are the stream.
	Raw []byte
	// Partial marks the last frame of a stream that ended without the blank line.
	Partial bool
}

// Reader splits a stream into events. It is not safe for concurrent use.
type Reader struct {
	src io.Reader
	max int
	err error

	// buf[frame:end] is unread input: the current frame starts at frame, its current line
	// at line, and there is no line terminator before seen.
	buf                    []byte
	pooled                 *[]byte
	frame, line, seen, end int

	// started means that a byte order mark would have been skipped already, loneCR that the
	// last line ended in a carriage return only, skipLF that a line feed at the start of
	// the frame belongs to the previous line.
	started, loneCR, skipLF bool

	f      fields
	joined []byte
}

// smallBuffer is the size of a Reader's first buffer. Buffers larger than keepBuffer are
// not reused. Both are in bytes.
const (
	smallBuffer = 8 << 10
	keepBuffer  = 64 << 10
)

var buffers = sync.Pool{New: func() any {
	b := make([]byte, smallBuffer)
	return &b
}}

// NewReader returns a Reader of the events in r. A frame of more than maxEvent bytes is an
// error; zero means DefaultMaxEvent. Call Release after the last event, so that the buffer
// is reused.
func NewReader(r io.Reader, maxEvent int) *Reader {
	if maxEvent <= 0 {
		maxEvent = DefaultMaxEvent
	}
	b := buffers.Get().(*[]byte)
	return &Reader{src: r, max: maxEvent, buf: *b, pooled: b}
}

// Release releases the buffer for other Readers. The last event is then invalid, and Next
// returns io.ErrClosedPipe. It may be called twice.
func (r *Reader) Release() {
	if r.pooled != nil && len(r.buf) <= keepBuffer {
		*r.pooled = r.buf
		buffers.Put(r.pooled)
	}
	r.buf, r.pooled, r.joined, r.err = nil, nil, nil, io.ErrClosedPipe
	r.frame, r.line, r.seen, r.end = 0, 0, 0, 0
}

// Ready reports whether a complete frame is buffered. If it is false, Next may have to wait
// for the source. Where lines end in a carriage return it may be false although a frame is
// complete.
func (r *Reader) Ready() bool {
	if r.err != nil {
		return true
	}
	rest := r.buf[r.line:r.end]
	if r.skipLF { // a line feed at the start may belong to the previous frame
		rest = bytes.TrimPrefix(rest, []byte("\n"))
	}
	return bytes.Contains(rest, []byte("\n\n")) || bytes.Contains(rest, []byte("\n\r\n"))
}

// Next returns the next frame as soon as the blank line that ends it has arrived. It
// returns io.EOF after the last frame, ErrTooLong for a frame beyond the bound, or the
// source's error. After an error it returns the same error again.
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

// last ends the stream. Bytes left in the buffer at io.EOF are a frame without its blank
// line.
func (r *Reader) last() (Event, error) {
	if r.err != io.EOF || r.frame == r.end {
		return Event{}, r.err
	}
	// A final carriage return, which could have been half of "\r\n", is a blank line, and
	// a line feed alone belongs to the previous frame.
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
		r.err = tooLong(r.max)
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

func tooLong(maxEvent int) error {
	return fmt.Errorf("%w: more than %d bytes", ErrTooLong, maxEvent)
}

// fill makes room and reads once. A source that returns no bytes a hundred times in a row
// is broken.
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

// room makes space after end, by moving the frame to the start or by doubling the buffer.
func (r *Reader) room() error {
	if r.end < len(r.buf) && r.end-r.frame <= r.max {
		return nil
	}
	if r.end-r.frame > r.max {
		return tooLong(r.max)
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
