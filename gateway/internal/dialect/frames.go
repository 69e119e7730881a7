package dialect

import (
	"bytes"
	"io"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/sse"
)

// done is the data of the event that ends a stream in OpenAI's format.
var done = []byte("[DONE]")

// frames is a stream in OpenAI's format, passed on frame by frame. It reads along
// for usage, finish reason and errors.
type frames struct {
	dialects *Dialects
	answer   *llm.Answer
	sse      *sse.Reader
	watch    watcher
	ended    bool
	closed   bool
}

func newFrames(d *Dialects, req *llm.Request, a *llm.Answer) *frames {
	return &frames{dialects: d, answer: a, sse: sse.NewReader(a.Body, 0),
		watch: watcher{showUsage: req.Facts.IncludeUsage}}
}

// Next passes on the next frame. A stream that ends without its terminator is
// complete if it had come to a finish reason: then the terminator is supplied.
func (f *frames) Next() (llm.Event, error) {
	if f.ended {
		return llm.Event{}, io.EOF
	}
	ev, err := f.sse.Next()
	switch {
	case err == io.EOF && f.watch.tally.Finish != "":
		f.ended = true
		return terminator, nil
	case err == io.EOF:
		return llm.Event{}, cut()
	case err != nil:
		return llm.Event{}, broken(err)
	}
	return f.pass(ev)
}

// terminator ends a stream towards an OpenAI client.
var terminator = llm.Event{Frame: []byte("data: [DONE]\n\n"), Final: true}

// pass looks at one frame and hands it on as it is.
func (f *frames) pass(in sse.Event) (llm.Event, error) {
	out := llm.Event{Frame: in.Raw, More: f.sse.Buffered() > 0}
	data := bytes.TrimSpace(in.Data)
	switch {
	case len(data) == 0: // a comment, or a field that nobody reads
		return out, nil
	case bytes.Equal(data, done):
		f.ended = true
		out.Final, out.More = true, false
		if in.Partial {
			return terminator, nil
		}
		return out, nil
	case in.Partial:
		return llm.Event{}, cut()
	}
	c, ok := readChunk(data)
	switch {
	case string(in.Name) == "error" || c.failed:
		return llm.Event{}, f.dialects.ErrorOf(f.answer.Status, f.answer.Header, data)
	case !ok:
		return llm.Event{}, malformed("an event that is not JSON", nil)
	}
	out.Data = data
	f.watch.see(&out, &c)
	return out, nil
}

// cut is what a stream dies of that ends before its end.
func cut() error {
	return &llm.Error{Code: llm.CodeStreamCut, Status: 502, Fault: llm.FaultCut,
		Message: "The provider's stream ended before the answer was complete."}
}

// Tally is what the frames so far have said.
func (f *frames) Tally() llm.Tally { return f.watch.tally }

// Close releases the connection. It may be called twice.
func (f *frames) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	f.sse.Release()
	return f.answer.Body.Close()
}

// watcher reads canonical chunks as they pass.
type watcher struct {
	tally llm.Tally
	// showUsage says that the client asked for the usage chunk, begun that content
	// has been seen.
	showUsage, begun bool
}

// see takes in one chunk and marks the event accordingly. A chunk that is there for
// the usage alone, and that the client did not ask for, is hidden.
func (w *watcher) see(ev *llm.Event, c *chunk) {
	if w.tally.Model == "" {
		w.tally.Model = string(c.model)
	}
	if len(c.finish) > 0 {
		w.tally.Finish = string(c.finish)
	}
	usage := c.usage
	if usage == nil { // Groq's own place for it comes before the common one
		usage = c.groq
	}
	if usage != nil {
		w.tally.Usage = usageOf(usage)
		ev.Hidden = !w.showUsage && c.choices && c.empty
	}
	w.tally.ToolCalls = w.tally.ToolCalls || c.toolCalls
	w.tally.TextBytes += c.text
	ev.Content = c.content && !w.begun
	w.begun = w.begun || c.content
}
