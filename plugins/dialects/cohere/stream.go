package cohere

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// Start prepares for a stream.
func (p *Provider) Start(*canonical.Envelope) { p.stream = stream{calls: p.stream.calls[:0]} }

// Event translates one event of Cohere's into chunks. A [DONE] that is seen here comes
// before the reply has ended.
func (p *Provider) Event(c *canonical.Chunks, name, data []byte) {
	if string(bytes.TrimSpace(data)) == "[DONE]" {
		p.End(c)
		return
	}
	r := reader{Chunks: c, stream: &p.stream}
	if e, ok := c.Object(data); ok {
		r.event(e, name)
	}
}

// End ends a reply without message-end.
func (p *Provider) End(c *canonical.Chunks) { c.Interrupted() }

// reader reads one event of a stream and writes its chunks.
type reader struct {
	*canonical.Chunks
	*stream
}

// event handles one event. Its type stands in the data; the SSE name is the fallback.
func (r *reader) event(e canonical.Value, name []byte) {
	var index int64
	var delta canonical.Value
	for key, v := range e.Members {
		switch string(key) {
		case "type":
			if kind := canonical.Text(v); kind != nil {
				name = kind
			}
		case "index":
			index = canonical.Whole(v)
		case "delta":
			delta = v
		}
	}
	if string(name) == "message-end" {
		r.messageEnd(delta)
		return
	}
	m := readMessage(delta.Member("message"))
	switch string(name) {
	case "message-start":
		r.Open()
	case "content-start":
		r.contentStart(index, m.content)
	case "content-delta":
		r.contentDelta(index, m.content)
	case "content-end":
		r.contentEnd(index)
	case "tool-plan-delta":
		r.Open()
		r.Text(canonical.Inside(m.plan))
	case "tool-call-start":
		r.callStart(index, m.toolCalls)
	case "tool-call-delta":
		r.callDelta(index, m.toolCalls)
	case "tool-call-end":
		r.callEnd(index)
	case "citation-start":
		r.citation(m.citations)
	default:
		r.unknown(e)
	}
}

// unknown ends the reply if an event is an error, which has a message and no delta. Any other
// unknown event is skipped.
func (r *reader) unknown(e canonical.Value) {
	if text := canonical.Text(e.Member("message")); len(text) > 0 && e.Member("delta").Null() {
		r.Fail(canonical.Failure{Type: "server_error", Code: canonical.Upstream, Message: text})
	}
}

func (r *reader) contentStart(index int64, content canonical.Value) {
	r.Open()
	switch b := readContent(content); b.Kind {
	case canonical.ThinkingBlock:
		r.thinkingIndex, r.thought, r.thinking = index, r.NewThought(), true
	case canonical.TextBlock:
		r.textStart = r.TextLen()
	}
	r.contentDelta(index, content)
}

// contentDelta sends on a piece of text or of thinking.
func (r *reader) contentDelta(index int64, content canonical.Value) {
	r.Open()
	b := readContent(content)
	if raw := canonical.Inside(b.Thinking); len(raw) > 0 {
		if !r.thinking || r.thinkingIndex != index {
			r.thinkingIndex, r.thought, r.thinking = index, r.NewThought(), true
		}
		r.Thinking(r.thought, raw)
	}
	r.Text(canonical.Inside(b.Text))
}

func (r *reader) contentEnd(index int64) {
	if r.thinkingIndex == index {
		r.thinking = false
	}
}

func (r *reader) callStart(index int64, call canonical.Value) {
	r.Open()
	b := readCall(call)
	if !r.begin(index, r.Call(b.ID, b.Name)) {
		r.Fail(canonical.ServerError(canonical.Upstream, "The provider's stream begins a tool call that has begun, or too many."))
		return
	}
	r.callDelta(index, call)
}

func (r *reader) callDelta(index int64, call canonical.Value) {
	open := r.call(index)
	if open == nil {
		r.Fail(canonical.ServerError(canonical.Upstream, "The provider's stream holds arguments of a call that has not begun."))
		return
	}
	if raw := canonical.Inside(readCall(call).Input); len(raw) > 0 {
		open.filled = true
		r.Arguments(open.number, raw)
	}
}

// callEnd ends a call. One without arguments gets an empty object, which is what it means.
func (r *reader) callEnd(index int64) {
	if open := r.call(index); open != nil && !open.filled {
		open.filled = true
		r.Arguments(open.number, []byte("{}"))
	}
}

// citation remembers the sources of a piece of text. The text that it is of has begun.
func (r *reader) citation(v canonical.Value) {
	for page := range citations(v) {
		r.CiteIn(page, r.textStart, r.TextLen())
	}
}

// messageEnd ends the reply.
func (r *reader) messageEnd(delta canonical.Value) {
	r.Open()
	var finish, why canonical.Value
	for key, v := range delta.Members {
		switch string(key) {
		case "finish_reason":
			finish = v
		case "error":
			why = v
		case "usage":
			r.usage.read(v)
		}
	}
	if broken(finish) {
		r.NoteUsage(r.usage.canonical())
		r.Fail(brokenFailure(finish, why))
		return
	}
	for i := range r.calls {
		r.callEnd(r.calls[i].index)
	}
	if r.SetFinish(finishOf(finish)); r.Stop() != canonical.Unfinished {
		r.Finish()
	}
	r.Usage(r.usage.canonical())
	r.Done()
}
