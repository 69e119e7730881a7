package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// stopWord is one of Anthropic's stop reasons that the canonical form has no word for.
type stopWord byte

const (
	ordinary stopWord = iota
	metSequence
	paused
	windowFull
)

// clientStop is why a reply ended.
type clientStop struct {
	finish canonical.Finish
	word   stopWord
	// refused says that the reply is a refusal, whatever the finish reason.
	refused bool
	// sequence is the stop sequence that was met, a JSON string.
	sequence canonical.Value
}

// stopOf reads why an answer ended.
func stopOf(a *canonical.Answer) clientStop {
	s := clientStop{finish: canonical.FinishOf(a.FinishReason), refused: len(canonical.Inside(a.Refusal)) > 0}
	switch string(canonical.Text(a.NativeFinish)) {
	case "pause_turn":
		s.word = paused
	case "model_context_window_exceeded":
		s.word = windowFull
	case "stop_sequence":
		s.word = metSequence
	}
	if s.finish == canonical.Stopped && len(canonical.Inside(a.StopReason)) > 0 {
		s.word, s.sequence = metSequence, a.StopReason
	}
	return s
}

// write writes stop_reason and stop_sequence. Clients run the tools of a reply that ended on
// its own only if it says so.
func (s *clientStop) write(w *canonical.Writer, calls bool) {
	w.MemberText("stop_reason", []byte(s.reason(calls)))
	w.Name("stop_sequence")
	if s.reason(calls) == "stop_sequence" && s.sequence != nil {
		w.Value(s.sequence)
		return
	}
	w.Literal("null")
}

func (s *clientStop) reason(calls bool) string {
	switch {
	case s.finish == canonical.Filtered || s.refused:
		return "refusal"
	case s.word == windowFull:
		return "model_context_window_exceeded"
	case s.finish == canonical.CutShort:
		return "max_tokens"
	case s.finish == canonical.Called || calls:
		return "tool_use"
	case s.word == paused:
		return "pause_turn"
	case s.word == metSequence:
		return "stop_sequence"
	}
	return "end_turn"
}
