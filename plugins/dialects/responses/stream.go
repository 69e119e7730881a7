package responses

import (
	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// Start prepares for a stream.
func (p *Provider) Start(env *canonical.Envelope) {
	p.stream = stream{open: p.stream.open[:0], provider: env.Provider[:min(len(env.Provider), maxProvider)]}
}

// Event turns one event of the provider's into chunks. Some services end their streams as chat
// completions do.
func (p *Provider) Event(c *canonical.Chunks, name, data []byte) {
	if string(data) == "[DONE]" {
		return
	}
	r := reader{Chunks: c, stream: &p.stream}
	if c.IsOpen() && r.quickDelta(data) {
		return
	}
	if e, ok := c.Object(data); ok {
		r.event(e, name)
	}
}

// End ends a reply without its last event, which is not complete.
func (p *Provider) End(c *canonical.Chunks) { c.Interrupted() }

// reader reads one event of a stream and writes its chunks.
type reader struct {
	*canonical.Chunks
	*stream
}

// event is an event with its members; nil when absent.
type event struct {
	kind []byte
	// index is which item it is about, part which part of that.
	index, part                             int64
	item, response, annotation, text, fault canonical.Value
	delta, logprobs, whole                  canonical.Value
}

// readEvent reads the members of an event. Its type stands in the data; the SSE name is the
// fallback.
func readEvent(v canonical.Value, name []byte) event {
	e := event{kind: name, whole: v}
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			if kind := canonical.Text(member); kind != nil {
				e.kind = kind
			}
		case "output_index":
			e.index = canonical.Whole(member)
		case "content_index", "summary_index":
			e.part = canonical.Whole(member)
		case "item":
			e.item = member
		case "response":
			e.response = member
		case "annotation":
			e.annotation = member
		case "delta":
			e.delta = member
		case "text", "refusal", "arguments", "input":
			e.text = member
		case "logprobs":
			e.logprobs = member
		case "error":
			e.fault = member
		}
	}
	return e
}

// event handles one event. Those of tools that the provider runs itself are left out, and so
// are those that end a part, which its item does, too.
func (r *reader) event(v canonical.Value, name []byte) {
	e := readEvent(v, name)
	switch string(e.kind) {
	case "response.created":
		r.SetModel(e.response.Member("model"))
		r.Open()
	case "response.output_item.added":
		r.itemAdded(e.index, e.item)
	case "response.output_text.delta":
		r.text(&e, e.delta)
	case "response.output_text.done":
		r.rest(&e, (*reader).text)
	case "response.refusal.delta":
		r.refusal(&e, e.delta)
	case "response.refusal.done":
		r.rest(&e, (*reader).refusal)
	case "response.output_text.annotation.added":
		r.annotation(&e)
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		r.arguments(&e, e.delta)
	case "response.function_call_arguments.done", "response.custom_tool_call_input.done":
		r.rest(&e, (*reader).arguments)
	case "response.reasoning_summary_text.delta":
		r.thought(&e, canonical.SummaryDetail, e.delta)
	case "response.reasoning_text.delta":
		r.thought(&e, canonical.TextDetail, e.delta)
	case "response.output_item.done":
		r.itemDone(e.index, e.item)
	case "response.completed", "response.incomplete":
		r.completed(e.response)
	case "response.failed", "response.cancelled":
		r.Fail(failureOf(e.response.Member("error")))
	case "error":
		if e.fault.Kind() == '{' {
			v = e.fault
		}
		r.Fail(failureOf(v))
	}
}

// rest handles an event that repeats a whole part, of which nothing may have come before.
func (r *reader) rest(e *event, send func(*reader, *event, canonical.Value)) {
	if it := r.item(e.index); it == nil || it.part != e.part || !it.filled {
		send(r, e, e.text)
	}
}

// completed ends the reply, after the items that the provider has left open.
func (r *reader) completed(v canonical.Value) {
	m := readResponse(v)
	r.SetModel(m.model)
	r.Open()
	if m.fails() {
		r.Fail(failureOf(m.fault))
		return
	}
	index, silent := int64(0), !r.began
	for it := range m.output.Items {
		if silent || r.item(index) != nil {
			r.itemDone(index, it)
		}
		if r.Ended() {
			return
		}
		index++
	}
	for len(r.open) > 0 {
		r.itemDone(r.open[0].index, nil)
	}
	r.SetFinish(m.finish())
	r.Finish()
	r.Usage(m.tokens(r.searches))
	r.Done()
}
