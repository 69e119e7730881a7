package wire

import (
	"io"
	"maps"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// split is a whole completion as the stream that the client asked for: each choice in a
// chunk of its own, its finish reason in another, and the usage, which is hidden from those
// who did not ask for it.
type split struct {
	lines [][]byte
	// hides says that the last of the lines is not to be shown.
	hides bool
	info  llm.ReplyInfo
	frame []byte
	ended bool
}

func newSplit(body []byte, usage bool, info llm.ReplyInfo) *split {
	completion := decodeObject(body)
	s := &split{info: info}
	choices := objectsOf(completion["choices"])
	for i, one := range choices {
		s.add(completion, beginning(one, i), nil)
		s.add(completion, ending(one, i), nil)
	}
	if counted, has := completion["usage"].(object); has {
		s.add(completion, nil, counted)
		s.hides = !usage
	}
	return s
}

// add adds a chunk with one choice, or with the usage and none.
func (s *split) add(completion, choice, usage object) {
	chunk := maps.Clone(completion)
	delete(chunk, "usage")
	chunk["object"], chunk["choices"] = "chat.completion.chunk", []any{}
	if choice != nil {
		chunk["choices"] = []any{choice}
	}
	if usage != nil {
		chunk["usage"] = usage
	}
	s.lines = append(s.lines, encode(chunk))
}

// beginning is a choice with all that it says.
func beginning(one object, position int) object {
	out := maps.Clone(one)
	delta, _ := out["message"].(object)
	if delta == nil {
		delta = object{}
	}
	delete(out, "message")
	for i, call := range objectsOf(delta["tool_calls"]) {
		call["index"] = i
	}
	if _, has := out["index"]; !has {
		out["index"] = position
	}
	out["delta"], out["finish_reason"] = delta, nil
	return out
}

// ending is a choice with its finish reason. A provider that gives none has finished all
// the same.
func ending(one object, position int) object {
	index, has := one["index"]
	if !has {
		index = position
	}
	reason, _ := one["finish_reason"].(string)
	message, _ := one["message"].(object)
	switch {
	case reason != "":
	case len(objectsOf(message["tool_calls"])) > 0:
		reason = "tool_calls"
	default:
		reason = "stop"
	}
	return object{"index": index, "delta": object{}, "logprobs": nil, "finish_reason": reason}
}

// Next gives the next chunk, then the terminator.
func (s *split) Next() (llm.Event, error) {
	switch {
	case s.ended:
		return llm.Event{}, io.EOF
	case len(s.lines) == 0:
		s.ended = true
		return terminator, nil
	}
	line := s.lines[0]
	s.lines = s.lines[1:]
	s.frame = framing.AppendData(s.frame[:0], line)
	ev := chunkEvent(s.frame, line)
	ev.Progress, ev.More = true, true
	ev.Hidden = len(s.lines) == 0 && s.hides
	return ev, nil
}

// Info is complete from the start.
func (s *split) Info() llm.ReplyInfo { return s.info }

// Close does nothing: the reply has been read.
func (s *split) Close() error { return nil }
