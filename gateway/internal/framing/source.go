package framing

import (
	"errors"
	"io"
)

// Kind is how a stream is divided into events.
type Kind int

// The kinds of streams.
const (
	// SSE are Server-Sent Events.
	SSE Kind = iota
	// Lines are JSON texts, one a line (NDJSON).
	Lines
	// Array is one JSON array, whose elements are the events.
	Array
)

// Source returns the events of one stream. It is not safe for concurrent use.
type Source interface {
	// Next returns the next event; see Reader.Next.
	Next() (Event, error)
	// Ready reports whether Next will return without waiting for the stream.
	Ready() bool
	// Release releases the buffer after the last event. It may be called twice.
	Release()
}

var (
	_ Source = (*Reader)(nil)
	_ Source = (*lineReader)(nil)
	_ Source = (*arrayReader)(nil)
)

// Open returns the events of a stream of the given kind. An event of more than maxEvent
// bytes is an error; zero means DefaultMaxEvent.
func Open(k Kind, r io.Reader, maxEvent int) Source {
	if maxEvent <= 0 {
		maxEvent = DefaultMaxEvent
	}
	switch k {
	case Lines:
		return &lineReader{input{src: r, max: maxEvent}}
	case Array:
		return &arrayReader{input: input{src: r, max: maxEvent}}
	}
	return NewReader(r, maxEvent)
}

// input is what has been read of a stream and not been handed out: buf[start:end].
type input struct {
	src        io.Reader
	max        int
	buf        []byte
	start, end int
	err        error
}

// unread returns the bytes that are there.
func (in *input) unread() []byte { return in.buf[in.start:in.end] }

// more reads once, and reports false at the end of the stream, on an error, and where an
// event has become too long.
func (in *input) more() bool {
	if in.err != nil {
		return false
	}
	if in.end-in.start > in.max {
		in.err = tooLong(in.max)
		return false
	}
	if in.end == len(in.buf) {
		to := in.buf
		if in.start < len(in.buf)/2 || len(in.buf) == 0 {
			to = make([]byte, max(smallBuffer, 2*len(in.buf)))
		}
		in.end = copy(to, in.unread())
		in.buf, in.start = to, 0
	}
	for range 100 {
		n, err := in.src.Read(in.buf[in.end:])
		in.end += n
		in.err = err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	in.err = io.ErrNoProgress
	return false
}

// Release implements Source.
func (in *input) Release() {
	in.buf, in.start, in.end, in.err = nil, 0, 0, io.ErrClosedPipe
}

// errNotArray is the error for a stream that should be a JSON array and is not.
var errNotArray = errors.New("stream is not a JSON array")
