package anthropic

import (
	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// Start prepares for a stream.
func (p *Provider) Start(*canonical.Envelope) { p.stream = stream{open: p.stream.open[:0]} }

// Event translates one event of Anthropic's into chunks.
func (p *Provider) Event(c *canonical.Chunks, name, data []byte) {
	if string(name) == "ping" {
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

// End ends a reply without message_stop. It is complete if its end was announced, and nothing
// came after a message_start that announced it.
func (p *Provider) End(c *canonical.Chunks) {
	if c.Finished() || p.stream.whole {
		r := reader{Chunks: c, stream: &p.stream}
		r.messageStop()
		return
	}
	c.Interrupted()
}

// reader reads one event of a stream and writes its chunks.
type reader struct {
	*canonical.Chunks
	*stream
}

// event handles one event. Its type stands in the data; the SSE name is the fallback.
func (r *reader) event(e canonical.Value, name []byte) {
	var index int64
	var delta, block, message, used, fault canonical.Value
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
		case "content_block":
			block = v
		case "message":
			message = v
		case "usage":
			used = v
		case "error":
			fault = v
		}
	}
	switch string(name) {
	case "message_start":
		r.messageStart(message)
	case "content_block_start":
		r.blockStart(index, block)
	case "content_block_delta":
		r.blockDelta(index, delta)
	case "content_block_stop":
		r.blockStop(index)
	case "message_delta":
		r.messageDelta(delta, used)
	case "message_stop":
		r.messageStop()
	case "error":
		r.Fail(failureOf(fault))
	}
}

func (r *reader) messageStart(v canonical.Value) {
	m := readMessage(v)
	r.usage.read(m.usage)
	if m.stopReason.Null() {
		r.usage.output = 0 // the output is not made yet
	}
	r.SetModel(m.model)
	r.Open()
	r.NoteUsage(r.usage.canonical())
	r.wholeBlocks(m.content)
	r.readStop(v)
	r.whole = r.Stop() != canonical.Unfinished
}

// readStop reads why the reply ends, if v has a stop_reason.
func (r *reader) readStop(v canonical.Value) {
	stop := v.Member("stop_reason")
	r.SetFinish(finishOf(stop))
	r.SetNativeFinish(nativeFinish(stop), v.Member("stop_sequence"))
	r.Refusal(v.Member("stop_details", "explanation"))
}

func (r *reader) messageDelta(delta, used canonical.Value) {
	r.Open()
	if canonical.Filled(used) {
		r.usage.read(used)
		r.NoteUsage(r.usage.canonical())
	}
	r.readStop(delta)
	if !delta.Member("stop_reason").Null() {
		r.finish()
	}
}

// finish sends the finish reason, after ending the blocks that the provider has left open.
func (r *reader) finish() {
	if !r.IsOpen() {
		return
	}
	for len(r.open) > 0 {
		r.blockStop(r.open[0].index)
	}
	r.Finish()
}

// messageStop ends the reply. Whether it is whole without a finish reason is for the host to
// decide.
func (r *reader) messageStop() {
	r.Open()
	if r.Stop() == canonical.Unfinished && r.Calls() > 0 && len(r.open) == 0 {
		r.SetFinish(canonical.Called) // a complete call is why the reply ends
	}
	if r.Stop() != canonical.Unfinished {
		r.finish()
	}
	r.Usage(r.usage.canonical())
	r.Done()
}
