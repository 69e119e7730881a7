package wire

import (
	"bytes"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// chunkReader reads canonical chunks as they pass, whatever dialect they come from, and
// knows when a reply is whole: when every choice has finished and the stream has
// ended as it should.
type chunkReader struct {
	dialects *Dialects
	answer   *llm.Answer
	info     llm.ReplyInfo
	// wanted is how many choices the client asked for, showUsage that it asked for the
	// usage chunk.
	wanted    int
	showUsage bool
	// openAI says that the client speaks OpenAI's format, so that it gets the chunks themselves.
	openAI bool
	bounds bounds

	begun, finished choiceSet
	// seen says that there was a chunk, deltas that there was a delta in one.
	seen, deltas bool
	// noReason and pending are those of all chunks, counted that one had usage alone.
	noReason, pending, counted bool
	mend                       mender
	// dialect is that of the events, empty for canonical ones.
	dialect llm.Dialect
}

func newChunkReader(d *Dialects, x *llm.Exchange, a *llm.Answer) *chunkReader {
	req := x.Request
	return &chunkReader{dialects: d, answer: a, wanted: req.Facts.Choices, showUsage: wantsUsage(req) || !req.Facts.Stream, openAI: req.Dialect == llm.OpenAI || req.Dialect == "",
		bounds: boundsOf(x), mend: mender{request: req.ID}}
}

// take reads the data of one event and returns the event for the client. frame is how
// it came, if it came in the client's format. What the client could not read, such as a
// chunk without a choice, is hidden from it or corrected.
func (w *chunkReader) take(name, data, frame []byte) (llm.Event, error) {
	switch {
	case isDone(data):
		return w.done(llm.Event{Frame: frame, Dialect: w.dialect})
	case string(data) == "null" || string(name) == "ping":
		return llm.Event{Frame: frame, Hidden: true, Dialect: w.dialect}, nil
	}
	c := chunk{texts: w.dialect == llm.Completions}
	sound := c.read(data)
	switch {
	case string(name) == "error" || sound && c.failed || isErrorList(data):
		return llm.Event{}, w.dialects.errorOf(w.answer, c.failure(data))
	case !sound || c.badIndex:
		return llm.Event{}, malformed("an event that is not a chunk of a completion", nil)
	}
	ev := llm.Event{Frame: frame, Data: data, Dialect: w.dialect}
	if w.dialect == "" {
		w.deviate(&c)
	} else {
		c.deviations &^= usageElsewhere
	}
	w.see(&ev, &c)
	if ev.Hidden || c.deviations == 0 {
		return ev, nil
	}
	ev.Data = w.mend.chunk(data, c.deviations)
	ev.Frame = framing.AppendData(nil, ev.Data)
	return ev, nil
}

// reply implements eventReader.
func (w *chunkReader) reply() llm.ReplyInfo { return w.info }

// failure is the body of the error that an object is.
func (c *chunk) failure(data []byte) []byte {
	if c.cause == nil {
		return data
	}
	return append(append([]byte(`{"error":`), c.cause...), '}')
}

// see takes in one chunk and marks the event accordingly.
func (w *chunkReader) see(ev *llm.Event, c *chunk) {
	w.seen = true
	if w.info.Model == "" {
		w.info.Model = string(c.model)
	}
	if len(c.finish) > 0 && (w.info.Finish == "" || c.finished[0]&1 == 1) {
		w.info.Finish = string(c.finish)
	}
	w.begun.merge(&c.begun)
	w.finished.merge(&c.finished)
	w.noReason, w.pending = w.noReason || c.noReason, w.pending || c.pending
	w.count(c)
	w.noteOutput(ev, c)
	ev.Progress = ev.Content || len(c.finish) > 0
	if !c.choices || c.empty {
		w.withoutChoice(ev, c)
	}
}

// count takes in usage.
func (w *chunkReader) count(c *chunk) {
	if usage := c.counted(); usage != nil {
		w.info.Usage = later(w.info.Usage, usageOf(usage, w.bounds))
		w.counted = w.counted || !c.choices || c.empty
	}
}

// noteOutput adds the output of a chunk. Some providers repeat the whole reply in a
// message beside the delta, or after the last one.
func (w *chunkReader) noteOutput(ev *llm.Event, c *chunk) {
	produced := c.delta
	w.deltas = w.deltas || c.delta.here
	if !w.deltas {
		produced = c.message
	}
	w.info.ToolCalls = w.info.ToolCalls || produced.toolCalls
	w.info.TextBytes += produced.text
	if produced.text > 0 {
		w.info.Pieces++
	}
	w.info.Content = w.info.Content || produced.content
	ev.Content, ev.Text, ev.Other = produced.content, produced.words, produced.other
}

// withoutChoice marks a chunk without a choice: clients look for the first one in it. They
// expect the usage that they asked for in such a chunk, and nothing else.
func (w *chunkReader) withoutChoice(ev *llm.Event, c *chunk) {
	ev.Hidden = !w.showUsage || c.usage == nil
	if !c.choices {
		c.deviations |= withoutChoices
	}
}

// whole reports whether every choice that has begun has finished.
func (w *chunkReader) whole() bool {
	return w.finished.count() > 0 && w.begun.within(&w.finished)
}

// endsWithoutReason reports whether the provider ends replies without giving reasons, as
// Snowflake does: its final count stands for them.
func (w *chunkReader) endsWithoutReason() bool {
	return w.finished.count() == 0 && w.noReason && !w.pending && w.counted && w.info.Content
}

// done checks a stream that has come to its terminator.
func (w *chunkReader) done(ev llm.Event) (llm.Event, error) {
	switch {
	case w.whole() || w.endsWithoutReason():
		ev.Final = true
		return ev, nil
	case !w.info.Content && w.finished.count() == 0:
		return llm.Event{}, malformed("a stream without an answer in it", nil)
	}
	return llm.Event{}, cut()
}

// over checks a stream that has ended without its terminator. It is whole all the same
// if every choice has finished: then the terminator is supplied. A choice that was asked for
// may have been about to begin.
func (w *chunkReader) over() (llm.Event, error) {
	switch {
	case w.whole() && w.finished.count() >= w.wanted:
		end := terminator
		end.Dialect = w.dialect
		return end, nil
	case !w.seen:
		return llm.Event{}, malformed("an empty stream", nil)
	}
	return llm.Event{}, cut()
}

// chunkEvent is the event of a canonical chunk that was made here or by a plugin.
func chunkEvent(frame, chunk []byte) llm.Event {
	c, _ := readChunk(chunk)
	return llm.Event{Frame: frame, Data: chunk, Content: c.delta.content, Text: c.delta.words, Other: c.delta.other}
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
