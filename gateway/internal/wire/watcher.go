package wire

import (
	"bytes"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// watcher reads canonical chunks as they pass, whatever dialect they come from, and
// knows when a reply is whole: when every choice has finished and the stream has
// ended as it should.
type watcher struct {
	dialects *Dialects
	answer   *llm.Answer
	info     llm.ReplyInfo
	// wanted is how many choices the client asked for, showUsage that it asked for the
	// usage chunk.
	wanted    int
	showUsage bool
	bounds    bounds

	begun, finished choiceSet
	// seen says that there was a chunk, deltas that there was a delta in one.
	seen, deltas bool
	// unsaid and pending are those of all chunks, counted that one had usage alone.
	unsaid, pending, counted bool
	mend                     mender
}

func newWatcher(d *Dialects, x *llm.Exchange, a *llm.Answer) *watcher {
	req := x.Request
	return &watcher{dialects: d, answer: a, wanted: req.Facts.Choices, showUsage: req.Facts.IncludeUsage || !req.Facts.Stream,
		bounds: boundsOf(x), mend: mender{request: req.ID}}
}

// take looks at the data of one event and gives the event for the client. frame is how
// it came, if it came in the client's format. What the client could not read, such as a
// chunk without a choice, is hidden from it or mended.
func (w *watcher) take(name, data, frame []byte) (llm.Event, error) {
	switch {
	case isDone(data):
		return w.done(llm.Event{Frame: frame})
	case string(data) == "null" || string(name) == "ping":
		return llm.Event{Frame: frame, Hidden: true}, nil
	}
	c, sound := readChunk(data)
	switch {
	case string(name) == "error" || sound && c.failed || isErrorList(data):
		return llm.Event{}, w.dialects.errorOf(w.answer.Status, w.answer.Header, c.failure(data))
	case !sound || c.wild:
		return llm.Event{}, malformed("an event that is not a chunk of a chat completion", nil)
	}
	ev := llm.Event{Frame: frame, Data: data}
	w.see(&ev, &c)
	if ev.Hidden || c.deviations == 0 {
		return ev, nil
	}
	ev.Data = w.mend.chunk(data, c.deviations)
	ev.Frame = framing.AppendData(nil, ev.Data)
	return ev, nil
}

// reply implements eventReader.
func (w *watcher) reply() llm.ReplyInfo { return w.info }

// failure is the body of the error that an object is.
func (c *chunk) failure(data []byte) []byte {
	if c.cause == nil {
		return data
	}
	return append(append([]byte(`{"error":`), c.cause...), '}')
}

// see takes in one chunk and marks the event accordingly.
func (w *watcher) see(ev *llm.Event, c *chunk) {
	w.seen = true
	if w.info.Model == "" {
		w.info.Model = string(c.model)
	}
	if len(c.finish) > 0 && (w.info.Finish == "" || c.finished[0]&1 == 1) {
		w.info.Finish = string(c.finish)
	}
	w.begun.merge(&c.begun)
	w.finished.merge(&c.finished)
	w.unsaid, w.pending = w.unsaid || c.unsaid, w.pending || c.pending
	w.count(c)
	w.hear(ev, c)
	ev.Progress = ev.Content || len(c.finish) > 0
	if !c.choices || c.empty {
		w.bare(ev, c)
	}
}

// count takes in usage.
func (w *watcher) count(c *chunk) {
	if usage := c.counted(); usage != nil {
		w.info.Usage = later(w.info.Usage, usageOf(usage, w.bounds))
		w.counted = w.counted || !c.choices || c.empty
	}
}

// hear takes in what a chunk says. Some providers repeat all that has been said in a
// message beside the delta, or after the last one.
func (w *watcher) hear(ev *llm.Event, c *chunk) {
	heard := c.delta
	w.deltas = w.deltas || c.delta.here
	if !w.deltas {
		heard = c.message
	}
	w.info.ToolCalls = w.info.ToolCalls || heard.toolCalls
	w.info.TextBytes += heard.text
	if heard.text > 0 {
		w.info.Pieces++
	}
	w.info.Content = w.info.Content || heard.content
	ev.Content = heard.content
}

// bare marks a chunk without a choice: clients look for the first one in it. They
// expect the usage that they asked for in such a chunk, and nothing else.
func (w *watcher) bare(ev *llm.Event, c *chunk) {
	ev.Hidden = !w.showUsage || c.usage == nil
	if !c.choices {
		c.deviations |= withoutChoices
	}
}

// whole reports whether every choice that has begun has finished.
func (w *watcher) whole() bool {
	return w.finished.count() > 0 && w.begun.within(&w.finished)
}

// unspoken reports whether the provider ends replies without giving reasons, as
// Snowflake does: its final count stands for them.
func (w *watcher) unspoken() bool {
	return w.finished.count() == 0 && w.unsaid && !w.pending && w.counted && w.info.Content
}

// done judges a stream that has come to its terminator.
func (w *watcher) done(ev llm.Event) (llm.Event, error) {
	switch {
	case w.whole() || w.unspoken():
		ev.Final = true
		return ev, nil
	case !w.info.Content && w.finished.count() == 0:
		return llm.Event{}, malformed("a stream without an answer in it", nil)
	}
	return llm.Event{}, cut()
}

// over judges a stream that has ended without its terminator. It is whole all the same
// if all has been said: then the terminator is supplied. A choice that was asked for
// may have been about to begin.
func (w *watcher) over() (llm.Event, error) {
	switch {
	case w.whole() && w.finished.count() >= w.wanted:
		return terminator, nil
	case !w.seen:
		return llm.Event{}, malformed("an empty stream", nil)
	}
	return llm.Event{}, cut()
}

// terminator ends a stream towards an OpenAI client.
var terminator = llm.Event{Frame: []byte("data: [DONE]\n\n"), Final: true}

// cut is the error of a stream that ends before its end.
func cut() error {
	return &llm.Error{Code: llm.CodeStreamCut, Status: 502, Fault: llm.FaultCut,
		Message: "The provider's stream ended before the answer was complete."}
}

// isDone reports whether data is that of the event that ends a stream.
func isDone(data []byte) bool { return bytes.Equal(data, done) }
