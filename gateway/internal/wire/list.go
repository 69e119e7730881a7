package wire

import (
	"bytes"
	"net/url"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// listWriter sends the events of a stream as the elements of one JSON list, each as soon as it
// comes, for clients that ask for no Server-Sent Events. Plain replies pass as they are.
type listWriter struct {
	out    llm.Writer
	stream bool
	// begun is set when the list has an element.
	begun bool
}

// Start implements llm.Writer.
func (w *listWriter) Start(h llm.Head) error {
	w.stream = h.Stream
	return w.out.Start(h)
}

// Event implements llm.Writer.
func (w *listWriter) Event(e llm.Event) error {
	if !w.stream {
		return w.out.Event(e)
	}
	var frame []byte
	switch {
	case e.Hidden:
	case len(e.Data) > 0:
		frame = w.element(e.Data)
	default:
		frame = w.elements(e.Frame)
	}
	if e.Final {
		frame = append(frame, w.end()...)
	}
	e.Frame, e.Hidden = frame, false
	return w.out.Event(e)
}

// KeepAlive implements llm.Writer: there are no comments in a list.
func (w *listWriter) KeepAlive(llm.Head) (bool, error) { return false, nil }

// element is a value with what stands before it in the list.
func (w *listWriter) element(value []byte) []byte {
	before := ",\n"
	if !w.begun {
		before, w.begun = "[", true
	}
	return append([]byte(before), value...)
}

// elements are the objects of events that a module has rendered, each of one line of data.
// Comments have no place in a list.
func (w *listWriter) elements(events []byte) (list []byte) {
	for event := range bytes.SplitSeq(events, []byte("\n\n")) {
		if object, ok := bytes.CutPrefix(event, []byte("data: ")); ok {
			list = append(list, w.element(object)...)
		}
	}
	return list
}

// end is what closes the list.
func (w *listWriter) end() string {
	if !w.begun {
		return "[]"
	}
	return "\n]"
}

// broken closes the list with an error.
func (w *listWriter) broken(object []byte) []byte {
	return append(w.element(object), w.end()...)
}

// hasParameter reports whether a query has a parameter with a value.
func hasParameter(query, name, value string) bool {
	values, _ := url.ParseQuery(query) // malformed parts are left out
	return values.Get(name) == value
}
