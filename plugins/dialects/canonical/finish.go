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
