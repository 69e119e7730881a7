package main

import penstock "github.com/penstock/penstock/sdk/go"

// event is penstock_render_event: it returns a line of JSON for every piece of text, and
// one with the counts at the end. The state is the content of the last line.
func event(out, in []byte) ([]byte, error) {
	state, payload, ok := penstock.SplitFrame(in)
	name, data, named := penstock.SplitEvent(payload)
	if !ok || !named {
		return nil, penstock.Reject(500, "the frame is cut short")
	}
	last := readLast(state)
	switch string(name) {
	case "penstock.start":
		last.created, _ = penstock.JSON(data).Member("created").Whole()
		return penstock.AppendState(out, last.append(nil)), nil
	case "penstock.end":
		out = penstock.AppendState(out, nil)
		out = appendContent(appendHead(out, last.model, last.created), nil)
		return append(appendEnd(out, last.reason, last.usage), '\n'), nil
	}
	return last.chunk(out, data), nil
}

// chunk stores a chunk's values for the last line and returns a line with its text.
func (l *last) chunk(out []byte, chunk penstock.JSON) []byte {
	var content, fault penstock.JSON
	for key, value := range chunk.Members {
		switch string(key) {
		case "error":
			fault = value
		case "model":
			l.model = value
		case "usage":
			l.usage = value
		case "choices":
			choice := first(value)
			content = choice.Member("delta", "content")
			if reason := choice.Member("finish_reason"); !reason.Null() {
				l.reason = reason
			}
		}
	}
	out = penstock.AppendState(out, l.append(nil))
	switch {
	case fault != nil:
		out = append(appendFault(out, fault), '\n')
	case !content.Null() && len(content) > len(`""`):
		out = appendContent(appendHead(out, l.model, l.created), content)
		out = append(out, ",\"done\":false}\n"...)
	}
	return out
}

// last is the content of the last line.
type last struct {
	created              int64
	model, reason, usage penstock.JSON
}

func readLast(state penstock.JSON) (l last) {
	l.created, _ = state.Member("created").Whole()
	l.model, l.reason, l.usage = state.Member("model"), state.Member("reason"), state.Member("usage")
	return l
}

func (l *last) append(state []byte) []byte {
	state = penstock.AppendWhole(append(state, `{"created":`...), l.created)
	for _, m := range [...]struct {
		name  string
		value penstock.JSON
	}{{"model", l.model}, {"reason", l.reason}, {"usage", l.usage}} {
		if m.value != nil {
			state = append(append(append(append(state, `,"`...), m.name...), `":`...), m.value...)
		}
	}
	return append(state, '}')
}
