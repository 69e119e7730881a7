package wire

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// seam joins the frames of a client's module to those of a reply that passed as they were
// until it broke off: the module counts blocks and names items as if it had rendered the
// reply from its start.
type seam struct {
	// kept is the data of the events that give the reply its structure, long that there were
	// more than are kept. last is the data of the last event.
	kept [][]byte
	size int
	long bool
	last []byte
	// joint is where the reply broke off; joined says that it is known.
	joint  joint
	joined bool
}

// joint is where a reply of one wire format broke off.
type joint interface {
	// open learns it from the reply's structure and its last event, and how the module's reply
	// stands at the same place from what the module made of the same text.
	open(structure []object, last object, made []object) error
	// join turns an event of the module's into those that go on from there.
	join(name string, event object) ([]seamEvent, error)
}

// seamEvent is an event with the name that it has in its frame; empty for none.
type seamEvent struct {
	name string
	data object
}

// maxSeam bounds the structure that is kept of a reply, in bytes.
const maxSeam = 256 << 10

// newSeam returns the seam of a native format; nil for one that none is known for.
func newSeam(native llm.Dialect) *seam {
	switch native {
	case llm.Anthropic:
		return &seam{joint: &messageJoint{}}
	case llm.Responses:
		return &seam{joint: &responseJoint{}}
	case llm.Gemini:
		return &seam{joint: &namesJoint{members: []string{"responseId", "modelVersion"}}}
	case llm.Completions:
		return &seam{joint: &namesJoint{members: []string{"id", "created", "model"}}}
	}
	return nil
}

// note notes an event that passes as it is.
func (s *seam) note(e *llm.Event) {
	if len(e.Data) == 0 {
		return
	}
	s.last = append(s.last[:0], e.Data...)
	if e.Content {
		return
	}
	if s.size += len(e.Data); s.size > maxSeam {
		s.long = true
		return
	}
	s.kept = append(s.kept, bytes.Clone(e.Data))
}

// begin takes what the module made of the text that was sent so far.
func (s *seam) begin(made []byte) error {
	s.joined = true
	if s.long {
		return seamless("its structure is too large")
	}
	structure := make([]object, len(s.kept))
	for i, data := range s.kept {
		structure[i] = decodeObject(data)
	}
	var rendered []object
	eachEvent(made, func(_ string, data []byte) { rendered = append(rendered, decodeObject(data)) })
	return s.joint.open(structure, decodeObject(s.last), rendered)
}

// join makes frames that go on with the reply from the module's.
func (s *seam) join(frames []byte) (out []byte, err error) {
	eachEvent(frames, func(name string, data []byte) {
		switch {
		case err != nil:
			return
		case isDone(data):
			out = framing.AppendData(out, data)
			return
		}
		var joined []seamEvent
		joined, err = s.joint.join(name, decodeObject(data))
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

// seamless is the error of a reply that nothing can be joined to.
func seamless(why string) error {
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
