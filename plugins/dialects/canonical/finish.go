package canonical

// Finish is why a reply ended, in OpenAI's terms.
type Finish byte

// The reasons. Unfinished is none.
const (
	Unfinished Finish = iota
	Stopped
	CutShort
	Called
	Filtered
)

// FinishOf reads a finish_reason, also in the words of services that imitate OpenAI. What is
// not listed is an ordinary end.
func FinishOf(v Value) Finish {
	switch string(Text(v)) {
	case "":
		return Unfinished
	case "length", "max_tokens", "model_length":
		return CutShort
	case "tool_calls", "function_call":
		return Called
	case "content_filter", "safety", "refusal":
		return Filtered
	}
	return Stopped
}

// json is the finish_reason of a reply with so many tool calls. One that ended on its own
// and calls tools waits for their results, whatever the provider calls that: clients run
// tools only after this word.
func (f Finish) json(calls int64, legacy bool) string {
	switch {
	case f == Unfinished:
		return "null"
	case f == CutShort:
		return `"length"`
	case f == Filtered:
		return `"content_filter"`
	case legacy && calls > 0:
		return `"function_call"`
	case f == Called || calls > 0:
		return `"tool_calls"`
	}
	return `"stop"`
}
