// Package sse frames event streams: it cuts a byte stream into Server-Sent Events
// without changing a byte of them, and writes new ones. It is not an EventSource
// client: it keeps no last event id, obeys no "retry" field, and does not look
// into the data.
package sse

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

// fields are what the current frame has said so far, as offsets from its start so
// that they survive a move of the buffer.
type fields struct {
	name, id, data span
	lines          int
}

type span struct{ start, end int }

// smallBuffer is what a Reader starts with; larger ones than keepBuffer are not
// kept for the next Reader. Both in bytes.
const (
	smallBuffer = 4 << 10
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

// Buffered is the number of bytes read from the source that follow the last event. Zero
// means that Next will have to wait for the source.
func (r *Reader) Buffered() int { return r.end - r.line }

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

// scan takes one line off the buffer. done says that it was the blank line that
// ends the frame, ok that a line was there.
func (r *Reader) scan() (done, ok bool) {
	if !r.prefix() {
		return false, false
	}
	stop, next, ok := r.terminator()
	if !ok {
		return false, false
	}
	line := r.buf[r.line:stop]
	r.loneCR = next == stop+1 && r.buf[stop] == '\r'
	if len(line) > 0 {
		r.field(line)
	}
	r.line, r.seen = next, next
	// A carriage return that ended the frame at once may yet be followed by the
	// line feed that belongs to it.
	r.skipLF = len(line) == 0 && r.loneCR
	return len(line) == 0, true
}

// prefix skips what may stand before a line and belongs to none: a byte order mark
// at the start of the stream, and the line feed of a carriage return that has
// already ended the frame before. It reports false when more input is needed to
// tell.
func (r *Reader) prefix() bool {
	if r.started && !r.skipLF {
		return true
	}
	rest := r.buf[r.line:r.end]
	if len(rest) == 0 {
		return false
	}
	if r.skipLF {
		r.skipLF = false
		if rest[0] == '\n' {
			r.line++
			r.seen = r.line
		}
		return true
	}
	const bom = "\xef\xbb\xbf"
	if len(rest) < len(bom) && string(rest) == bom[:len(rest)] && r.err == nil {
		return false
	}
	r.started = true
	if bytes.HasPrefix(rest, []byte(bom)) {
		r.line += len(bom)
		r.seen = r.line
	}
	return true
}

// terminator finds the end of the current line: buf[stop:next] is "\n", "\r\n" or
// "\r". It reports false when the input so far does not tell.
func (r *Reader) terminator() (stop, next int, ok bool) {
	rest := r.buf[r.seen:r.end]
	n := bytes.IndexByte(rest, '\n')
	if n >= 0 {
		rest = rest[:n]
	}
	c := bytes.IndexByte(rest, '\r')
	switch {
	case c < 0 && n < 0:
		r.seen = r.end
		return 0, 0, false
	case c < 0:
		return r.seen + n, r.seen + n + 1, true
	case n == c+1:
		stop = r.seen + c
		if stop == r.line && r.loneCR {
			return stop, stop + 1, true // as below, however the input was cut
		}
		return stop, stop + 2, true
	}
	stop = r.seen + c
	if stop+1 < r.end || stop == r.line && r.loneCR {
		// Where lines end in "\r" only, a blank line is complete at its "\r".
		return stop, stop + 1, true
	}
	r.seen = stop
	return 0, 0, false
}

// field reads one line that is not blank.
func (r *Reader) field(line []byte) {
	name, value := line, line[len(line):]
	if len(line) > 5 && string(line[:5]) == "data:" {
		name, value = line[:4], line[5:]
	} else if i := bytes.IndexByte(line, ':'); i >= 0 {
		name, value = line[:i], line[i+1:]
	}
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	switch string(name) {
	case "data":
		r.data(value)
	case "event":
		r.f.name = r.span(value)
	case "id":
		r.f.id = r.span(value)
	}
}

// span locates a part of the buffer. Since a field's name stands before its value,
// no span starts at zero.
func (r *Reader) span(value []byte) span {
	start := cap(r.buf) - cap(value) - r.frame
	return span{start, start + len(value)}
}

// data adds one line of data. The first stays where it is; only a second one makes
// a copy necessary.
func (r *Reader) data(value []byte) {
	r.f.lines++
	if r.f.lines == 1 {
		r.f.data = r.span(value)
		return
	}
	if r.f.lines == 2 {
		r.joined = append(r.joined[:0], r.at(r.f.data)...)
	}
	r.joined = append(r.joined, '\n')
	r.joined = append(r.joined, value...)
}

func (r *Reader) at(s span) []byte {
	if s.start == 0 {
		return nil
	}
	return r.buf[r.frame+s.start : r.frame+s.end : r.frame+s.end]
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
