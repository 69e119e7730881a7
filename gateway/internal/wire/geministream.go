package wire

import (
	"bytes"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// geminiReader reads the events of a streamed reply.
type geminiReader struct {
	dialects *Dialects
	answer   *llm.Answer
	info     llm.ReplyInfo
	bounds   bounds
	// all is what the events so far say together.
	all  geminiInfo
	seen bool
}

func newGeminiReader(d *Dialects, x *llm.Exchange, a *llm.Answer) eventReader {
	return &geminiReader{dialects: d, answer: a, bounds: boundsOf(x)}
}

// take implements eventReader.
func (r *geminiReader) take(name, data, frame []byte) (llm.Event, error) {
	ev := llm.Event{Frame: frame, Data: data, Dialect: llm.Gemini}
	g, sound := readGeminiReply(data)
	switch {
	case string(name) == "error" || sound && g.failed || isErrorList(data):
		return llm.Event{}, r.dialects.geminiError(r.answer, data)
	case !sound:
		return llm.Event{}, malformed("an event that is not one of Gemini's", nil)
	}
	r.seen = true
	r.note(&g)
	ev.Content, ev.Text, ev.Other = g.content, g.words, g.other
	ev.Progress = g.content || g.blocked || g.finished.count() > 0
	return ev, nil
}

// note takes in what one event says.
func (r *geminiReader) note(g *geminiInfo) {
	if r.info.Model == "" {
		r.info.Model = string(g.model)
	}
	all := &r.all
	all.begun.merge(&g.begun)
	all.finished.merge(&g.finished)
	all.blocked, all.calls = all.blocked || g.blocked, all.calls || g.calls
	all.searches = max(all.searches, g.searches)
	if len(g.reason) > 0 {
		all.reason = bytes.Clone(g.reason)
	}
	r.info.ToolCalls, r.info.Content = all.calls, r.info.Content || g.content
	r.info.TextBytes += g.text
	if g.text > 0 {
		r.info.Pieces++
	}
	r.info.Usage = withSearches(later(r.info.Usage, usageOf(g.usage, r.bounds)), all.searches)
	r.info.Finish = all.finish()
}

// over implements eventReader: Google's streams have no last event. A reply is whole when each
// of its answers has said why it ended.
func (r *geminiReader) over() (llm.Event, error) {
	all := &r.all
	switch {
	case !r.seen:
		return llm.Event{}, malformed("an empty stream", nil)
	case all.blocked, all.begun.count() > 0 && all.begun.within(&all.finished):
		return llm.Event{Dialect: llm.Gemini, Final: true}, nil
	case !r.info.Content:
		return llm.Event{}, malformed("a stream without an answer in it", nil)
	}
	return llm.Event{}, cut()
}

// reply implements eventReader.
func (r *geminiReader) reply() llm.ReplyInfo { return r.info }
