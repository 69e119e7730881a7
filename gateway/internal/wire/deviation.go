package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// deviation is a set of ways in which providers that speak OpenAI's format differ from
// it so that the official clients can't read them.
type deviation uint8

const (
	callWithoutIndex deviation = 1 << iota
	contentIsList
	withoutDelta
	withoutChoices
)

// deviations are what is mended in a reply on its way, and where it was seen. A reply
// without any of them passes byte for byte.
var deviations = []struct {
	is     deviation
	seenAt string
	mend   func(m *mender, chunk object)
}{
	{callWithoutIndex, "Gemini's OpenAI endpoint, Mistral", eachDelta((*mender).indexCalls)},
	{contentIsList, "Mistral's reasoning models", eachDelta((*mender).flatten)},
	{withoutDelta, "Azure's asynchronous content filter", (*mender).addDelta},
	{withoutChoices, "some servers' usage chunk", (*mender).addChoices},
}

// object is a JSON object that is to be changed.
type object = map[string]any

// mender mends the chunks of one reply.
type mender struct {
	// request is the request's id, for the ids of calls that have none.
	request string
	// calls are those of each choice so far, in order.
	calls map[string][]string
}

// chunk is the chunk without its deviations.
func (m *mender) chunk(data []byte, found deviation) []byte {
	chunk := decodeObject(data)
	for _, d := range deviations {
		if found&d.is != 0 {
			d.mend(m, chunk)
		}
	}
	return encode(chunk)
}

// decodeObject reads an object that is known to be sound, numbers as they are.
func decodeObject(data []byte) object {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	o := object{}
	_ = d.Decode(&o)
	return o
}

// encode writes a value that was decoded from JSON.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // such a value always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// eachDelta mends every delta, and every message, of a chunk.
func eachDelta(mend func(m *mender, choice string, delta object)) func(*mender, object) {
	return func(m *mender, chunk object) {
		for i, one := range objectsOf(chunk["choices"]) {
			for _, name := range [...]string{"delta", "message"} {
				if delta, ok := one[name].(object); ok {
					mend(m, indexOf(one, i), delta)
				}
			}
		}
	}
}

// objectsOf are the objects in a list.
func objectsOf(v any) (all []object) {
	list, _ := v.([]any)
	for _, item := range list {
		if o, ok := item.(object); ok {
			all = append(all, o)
		}
	}
	return all
}

// indexOf is the index that an object has, else its position.
func indexOf(o object, position int) string {
	if n, ok := o["index"].(json.Number); ok {
		return n.String()
	}
	return strconv.Itoa(position)
}

// indexCalls gives every tool call the index that clients put its pieces together by:
// that of the call with its id, else of the call before, unless it begins a new one.
func (m *mender) indexCalls(choice string, delta object) {
	if m.calls == nil {
		m.calls = map[string][]string{}
	}
	for _, call := range objectsOf(delta["tool_calls"]) {
		if _, has := call["index"].(json.Number); !has {
			call["index"] = m.indexCall(choice, call)
		}
	}
}

func (m *mender) indexCall(choice string, call object) int {
	known := m.calls[choice]
	id, _ := call["id"].(string)
	function, _ := call["function"].(object)
	name, _ := function["name"].(string)
	for i := range known {
		if id != "" && known[i] == id {
			return i
		}
	}
	if id == "" && name == "" && len(known) > 0 {
		return len(known) - 1
	}
	if id == "" { // a client could not answer it
		id = "call_" + m.request + "_" + strconv.Itoa(len(known))
		call["id"] = id
	}
	m.calls[choice] = append(known, id)
	return len(known)
}

// flatten makes text of content that is a list of parts, and puts thinking where
// clients look for reasoning.
func (m *mender) flatten(_ string, delta object) {
	parts, ok := delta["content"].([]any)
	if !ok {
		return
	}
	var text, thinking strings.Builder
	var images []any
	for _, part := range objectsOf(parts) {
		switch part["type"] {
		case "thinking":
			thinking.WriteString(textIn(part["thinking"]))
		case "image_url":
			images = append(images, part)
		default:
			text.WriteString(textIn(part["text"]))
		}
	}
	delta["content"] = text.String()
	if thinking.Len() > 0 {
		delta["reasoning_content"] = thinking.String()
	}
	if len(images) > 0 {
		delta["images"] = images
	}
}

// textIn is a text, or the texts of a list of parts.
func textIn(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	var b strings.Builder
	for _, part := range objectsOf(v) {
		s, _ := part["text"].(string)
		b.WriteString(s)
	}
	return b.String()
}

// addDelta gives a choice that has neither delta nor message an empty delta.
func (m *mender) addDelta(chunk object) {
	for _, one := range objectsOf(chunk["choices"]) {
		_, delta := one["delta"].(object)
		_, message := one["message"].(object)
		if !delta && !message {
			one["delta"] = object{}
		}
	}
}

// addChoices gives a chunk an empty list of choices.
func (m *mender) addChoices(chunk object) { chunk["choices"] = []any{} }

// callsWithoutIndex reports whether one of the calls in a list has no index.
func callsWithoutIndex(calls []byte) bool {
	s := newScan(calls)
	if !s.Open('[') {
		return false
	}
	missing := false
	for s.More(']') {
		missing = !s.hasIndex() || missing
	}
	return missing
}

// hasIndex steps over a value and reports whether it is anything but an object without
// an index.
func (s *scan) hasIndex() bool {
	if !s.enter('{') {
		return true
	}
	found := false
	for s.More('}') {
		name := s.Name().Raw
		number := s.Peek() >= '0' && s.Peek() <= '9'
		found = found || string(name) == "index" && number
		s.Skip()
	}
	return found
}
