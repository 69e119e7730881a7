package wire

import (
	"bytes"
	"errors"
	"io"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// done is the data of the event that ends a stream in OpenAI's format.
var done = []byte("[DONE]")

// eventReader reads the events of one reply in one dialect as they pass, for usage,
// finish reasons and errors, and knows when the reply is whole.
type eventReader interface {
	// take looks at the data of one event and gives the event for the client. frame is how
	// it came. The event is Final when it ends a whole reply.
	take(name, data, frame []byte) (llm.Event, error)
	// over checks a stream that has ended without a Final event.
	over() (llm.Event, error)
	// reply returns the usage, finish and output of the events so far.
	reply() llm.ReplyInfo
}

// frames is a stream of Server-Sent Events that is passed on frame by frame.
type frames struct {
	sse      *framing.Reader
	body     io.Closer
	dialects *Dialects
	events   eventReader
	ended    bool
	closed   bool
}

func newFrames(d *Dialects, a *llm.Answer, events eventReader) *frames {
	return &frames{sse: framing.NewReader(a.Body, d.maxEvent()), body: a.Body, dialects: d, events: events}
}

// Next passes on the next frame.
func (f *frames) Next() (llm.Event, error) {
	if f.ended {
		return llm.Event{}, io.EOF
	}
	in, err := f.sse.Next()
	switch {
	case err == io.EOF:
		f.ended = true
		return f.events.over()
	case timedOut(err):
		if ev, over := f.events.over(); over == nil {
			f.ended = true
			return ev, nil
		}
		return llm.Event{}, f.dialects.broken(err)
	case err != nil:
		return llm.Event{}, f.dialects.broken(err)
	}
	ev, err := f.pass(in)
	if err != nil {
		return llm.Event{}, keptError(err)
	}
	f.ended = ev.Final
	ev.More = !ev.Final && f.sse.Ready()
	return ev, err
}

// keptError returns an error that stays as it is when the stream is closed: then other
// requests use the buffer that the event was in.
func keptError(err error) error {
	var e *llm.Error
	if errors.As(err, &e) {
		e.Body = bytes.Clone(e.Body)
	}
	return err
}

// timedOut reports whether a stream was ended because nothing more came. Then it is whole
// if all has been said: some providers keep the connection open after that.
func timedOut(err error) bool { return err != nil && llm.AsError(err).Fault == llm.FaultTimeout }

// pass looks at one frame and hands it on as it is. The last one of a stream may lack
// the blank line after it, but must not end in the middle of its data.
func (f *frames) pass(in framing.Event) (llm.Event, error) {
	data := bytes.TrimSpace(in.Data)
	switch {
	case len(data) == 0 && string(in.Name) != "error": // a comment, a field that nobody reads, or data that clients can't
		return llm.Event{Frame: in.Raw, Hidden: in.Data != nil || in.Partial}, nil
	case in.Partial && !isDone(data) && !isJSON(data):
		return llm.Event{}, cut()
	}
	return f.events.take(in.Name, data, closedFrame(in))
}

// closedFrame is a frame with the blank line that ends it.
func closedFrame(in framing.Event) []byte {
	if !in.Partial {
		return in.Raw
	}
	return append(bytes.TrimRight(in.Raw, "\r\n"), "\n\n"...)
}

// Info describes the reply as far as the frames so far go.
func (f *frames) Info() llm.ReplyInfo { return f.events.reply() }

// Close releases the connection. It may be called twice.
func (f *frames) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	f.sse.Release()
	return f.body.Close()
}
