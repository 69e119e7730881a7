package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Response appends the completion that a plain reply of Anthropic's becomes, or its error.
func (p *Provider) Response(out []byte, env *canonical.Envelope) []byte {
	w := canonical.Writer{B: out}
	m := readMessage(env.Body)
	if env.Status < 200 || env.Status > 299 || !m.isReply() {
		writeFailure(&w, env)
		return w.B
	}
	p.blocks = readBlocks(p.blocks[:0], m.content)
	used := usageOf(m.usage)
	reply := canonical.Reply{Model: m.model, Blocks: p.blocks, Refusal: m.stopDetails.Member("explanation"),
		Finish: finishOf(m.stopReason), NativeFinish: nativeFinish(m.stopReason), StopSequence: m.stopSequence, Usage: used, ServiceTier: used.Tier.String()}
	reply.Write(&w, env)
	return w.B
}

// message is Anthropic's reply with its members; nil when absent.
type message struct {
	// typed is set when its type is "message": then it is a reply even without any content.
	typed                   bool
	model, content, usage   canonical.Value
	stopReason, stopDetails canonical.Value
	stopSequence            canonical.Value
}

func readMessage(body canonical.Value) (m message) {
	for key, v := range body.Members {
		switch string(key) {
		case "type":
			m.typed = string(canonical.Text(v)) == "message"
		case "model":
			m.model = v
		case "content":
			m.content = v
		case "usage":
			m.usage = v
		case "stop_reason":
			m.stopReason = v
		case "stop_details":
			m.stopDetails = v
		case "stop_sequence":
			m.stopSequence = v
		}
	}
	return m
}

// isReply reports whether this is a message and not something else. Its content is a list,
// or with some services one text, and may be missing where the type is "message".
func (m *message) isReply() bool {
	switch m.content.Kind() {
	case '[':
		return true
	case '"', 'n', 0:
		return m.typed
	}
	return false
}

// finishOf maps stop_reason. Any other one, such as pause_turn, is an ordinary end.
func finishOf(stop canonical.Value) canonical.Finish {
	switch string(canonical.Text(stop)) {
	case "":
		return canonical.Unfinished
	case "max_tokens", "model_context_window_exceeded":
		return canonical.CutShort
	case "tool_use":
		return canonical.Called
	case "refusal":
		return canonical.Filtered
	}
	return canonical.Stopped
}

// nativeFinish is a stop reason that the canonical form has no word for, nil for any other.
func nativeFinish(stop canonical.Value) canonical.Value {
	switch string(canonical.Text(stop)) {
	case "stop_sequence", "pause_turn", "model_context_window_exceeded":
		return stop
	}
	return nil
}
