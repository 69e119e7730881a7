package wire

import (
	"bytes"
	"io"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// done is the data of the event that ends a stream in OpenAI's format.
var done = []byte("[DONE]")

// frames is a stream in OpenAI's format, passed on frame by frame. It reads along
// for usage, finish reasons and errors.
type frames struct {
	sse    *framing.Reader
	body   io.Closer
	watch  watcher
	ended  bool
	closed bool
}

func newFrames(d *Dialects, x *llm.Exchange, a *llm.Answer) *frames {
	return &frames{sse: framing.NewReader(a.Body, d.maxEvent()), body: a.Body, watch: newWatcher(d, x, a)}
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
		return f.watch.over()
	case err != nil:
		return llm.Event{}, f.watch.dialects.broken(err)
	}
	ev, err := f.pass(in)
	ev.More = !ev.Final && f.sse.Ready()
	return ev, err
}

// pass looks at one frame and hands it on as it is. The last one of a stream may lack
// the blank line after it, but must not end in the middle of its data.
func (f *frames) pass(in framing.Event) (llm.Event, error) {
	data := bytes.TrimSpace(in.Data)
	switch {
	case isDone(data):
		f.ended = true
		return f.watch.done(llm.Event{Frame: closedFrame(in)})
	case len(data) == 0 && string(in.Name) != "error": // a comment, a field that nobody reads, or data that clients can't
		return llm.Event{Frame: in.Raw, Hidden: in.Data != nil || in.Partial}, nil
	case in.Partial && !isJSON(data):
		return llm.Event{}, cut()
	}
	return f.watch.take(in.Name, data, closedFrame(in))
}

// closedFrame is a frame with the blank line that ends it.
func closedFrame(in framing.Event) []byte {
	if !in.Partial {
		return in.Raw
	}
	return append(bytes.TrimRight(in.Raw, "\r\n"), "\n\n"...)
}

// Info is what the frames so far have said.
func (f *frames) Info() llm.ReplyInfo { return f.watch.info }

// Close releases the connection. It may be called twice.
func (f *frames) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	f.sse.Release()
	return f.body.Close()
}
