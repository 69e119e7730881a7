package dialects

// finish is why a reply ended, in OpenAI's terms.
type finish byte

const (
	unfinished finish = iota // the provider has not said
	stopped
	cutShort
	called
	filtered
)

// finishOf maps stop_reason. What is not listed, such as pause_turn, is an ordinary end.
func finishOf(stop []byte) finish {
	switch string(stop) {
	case "":
		return unfinished
	case "max_tokens", "model_context_window_exceeded":
		return cutShort
	case "tool_use":
		return called
	case "refusal":
		return filtered
	}
	return stopped
}

// json is the finish_reason of a reply with so many tool calls. One that ended on its
// own and calls tools waits for their results, whatever the provider calls that: clients
// run tools only after this word.
func (f finish) json(calls int64, legacy bool) string {
	switch {
	case f == unfinished:
		return "null"
	case f == cutShort:
		return `"length"`
	case f == filtered:
		return `"content_filter"`
	case legacy && calls > 0:
		return `"function_call"`
	case f == called || calls > 0:
		return `"tool_calls"`
	}
	return `"stop"`
}

// calls counts the tool calls of a plain reply.
func (t *translator) calls() (n int64) {
	for i := range t.blocks {
		if t.blocks[i].kind == toolBlock {
			n++
		}
	}
	return n
}
