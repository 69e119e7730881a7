package wire

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// continuation joins the frames of a client's module to those of a reply that passed as they
// were until it broke off: the module counts blocks and names items as if it had rendered
// the reply from its start.
type continuation struct {
	// kept is the data of the events that give the reply its structure, long that there were
	// more than are kept. last is the data of the last event.
	kept [][]byte
	size int
	long bool
	last []byte
	// position is where the reply broke off; joined says that it is known.
	position position
	joined   bool
}

// position is where a reply of one wire format broke off.
type position interface {
	// read finds it from the reply's structure and its last event, and how the module's reply
	// stands at the same place from what the module made of the same text.
	read(structure []object, last object, made []object) error
	// renumber turns an event of the module's into those that go on from there.
	renumber(name string, event object) ([]outEvent, error)
}

// outEvent is an event with the name that it has in its frame; empty for none.
type outEvent struct {
	name string
	data object
}

// maxStructure bounds the structure that is kept of a reply, in bytes.
const maxStructure = 256 << 10

// newContinuation returns the continuation of a reply in a native format; nil for a format
// that none is known for.
func newContinuation(native llm.Dialect) *continuation {
	switch native {
	case llm.Anthropic:
		return &continuation{position: &messagePosition{}}
	case llm.Responses:
		return &continuation{position: &responsePosition{}}
	case llm.Gemini:
		return &continuation{position: &namesPosition{members: []string{"responseId", "modelVersion"}}}
	case llm.Completions:
		return &continuation{position: &namesPosition{members: []string{"id", "created", "model"}}}
	}
	return nil
}

// note notes an event that passes as it is.
func (c *continuation) note(e *llm.Event) {
	if len(e.Data) == 0 {
		return
	}
	c.last = append(c.last[:0], e.Data...)
	if e.Content {
		return
	}
	if c.size += len(e.Data); c.size > maxStructure {
		c.long = true
		return
	}
	c.kept = append(c.kept, bytes.Clone(e.Data))
}

// begin takes what the module made of the text that was sent so far.
func (c *continuation) begin(made []byte) error {
	c.joined = true
	if c.long {
		return cannotContinue("its structure is too large")
	}
	structure := make([]object, len(c.kept))
	for i, data := range c.kept {
		structure[i] = decodeObject(data)
	}
	var rendered []object
	eachEvent(made, func(_ string, data []byte) { rendered = append(rendered, decodeObject(data)) })
	return c.position.read(structure, decodeObject(c.last), rendered)
}

// join makes frames that go on with the reply from the module's.
func (c *continuation) join(frames []byte) (out []byte, err error) {
	eachEvent(frames, func(name string, data []byte) {
		switch {
		case err != nil:
			return
		case isDone(data):
			out = framing.AppendData(out, data)
			return
		}
		var joined []outEvent
		joined, err = c.position.renumber(name, decodeObject(data))
		for _, e := range joined {
			if e.name == "" {
				out = framing.AppendData(out, encode(e.data))
			} else {
				out = framing.AppendEvent(out, e.name, encode(e.data))
			}
		}
	})
	return out, err
}

// eachEvent reads frames of a module, which are whole.
func eachEvent(frames []byte, do func(name string, data []byte)) {
	r := framing.NewReader(bytes.NewReader(frames), len(frames)+1)
	defer r.Release()
	for {
		e, err := r.Next()
		if err != nil {
			return
		}
		if len(e.Data) > 0 {
			do(string(e.Name), e.Data)
		}
	}
}

// cannotContinue is the error of a reply that nothing can be joined to.
func cannotContinue(why string) error {
	return &llm.Error{Code: llm.CodeStreamCut, Status: http.StatusBadGateway, Fault: llm.FaultCut, Retried: true,
		Message: "The provider's reply broke off where no other target can go on with it: " + why + "."}
}

// number is an integer in a decoded event; false for anything else.
func number(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

// stringOf is a string in a decoded event; empty for anything else.
func stringOf(v any) string {
	s, _ := v.(string)
	return s
}

// objectOf is an object in a decoded event; an empty one for anything else.
func objectOf(v any) object {
	o, ok := v.(object)
	if !ok {
		return object{}
	}
	return o
}
