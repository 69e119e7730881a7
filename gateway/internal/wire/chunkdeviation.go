package wire

import (
	"bytes"
	"strconv"
)

// deviate notes how a chunk of a stream differs from what clients put together, given the
// chunks before it.
func (w *chunkReader) deviate(c *chunk) {
	c.deviations &^= callWithoutArguments // more of them may come
	if w.openAI {                         // such clients add up the usage of all chunks, and more may come
		c.deviations &^= usageElsewhere
	}
	m := &w.mend
	m.begun, m.spoken = w.begun, w.deltas
	if c.message.here && !c.delta.here {
		c.deviations |= messageForDelta
	}
	if !c.roleless.within(&w.begun) {
		c.deviations |= withoutRole
	}
	if w.showUsage && c.usage != nil && w.ended(c) {
		c.deviations |= choicesAfterEnd
	}
	switch {
	case len(c.id) == 0 || len(c.id) > maxID:
	case m.id == "":
		m.id = string(c.id)
	case string(c.id) != m.id:
		c.deviations |= otherID
	}
	if bytes.HasPrefix(c.kind.object, completionObject) && string(c.kind.object) != chunkObject {
		c.deviations |= otherObject
	}
}

// maxID bounds the id of a reply that is compared with those of its chunks, in bytes.
const maxID = 256

const chunkObject = "chat.completion.chunk"

var completionObject = []byte("chat.completion")

// ended reports whether a chunk has choices that say nothing and that all finished before.
// Clients that take a choice's last finish reason for the right one would lose it.
func (w *chunkReader) ended(c *chunk) bool {
	return c.begun.count() > 0 && c.begun.within(&w.finished) && c.finished.count() == 0 && !c.delta.content && !c.message.content
}

// moveMessage makes the delta of a choice of the message that it has instead, unless it has
// had deltas, of which the message is the sum.
func (m *mender) moveMessage(chunk object) {
	for _, one := range objectsOf(chunk["choices"]) {
		message, ok := one["message"].(object)
		if _, has := one["delta"].(object); has || !ok {
			continue
		}
		if m.spoken {
			message = object{}
		}
		one["delta"] = message
		delete(one, "message")
	}
}

// addRole says of a choice that begins who speaks.
func (m *mender) addRole(choice string, delta object) {
	i, err := strconv.ParseInt(choice, 10, 64)
	if role, _ := delta["role"].(string); role == "" && err == nil && i >= 0 && i < maxChoices && !m.begun.has(i) {
		delta["role"] = "assistant"
	}
}

// indexCitations numbers the pages that a choice refers to: clients put lists together by
// their items' indexes.
func (m *mender) indexCitations(choice string, delta object) {
	if m.citations == nil {
		m.citations = map[string]int{}
	}
	for _, citation := range objectsOf(delta["annotations"]) {
		citation["index"] = m.citations[choice]
		m.citations[choice]++
	}
}

// setID gives a chunk the id that the first one had.
func (m *mender) setID(chunk object) { chunk["id"] = m.id }

// setObject says of a chunk that it is one.
func (m *mender) setObject(chunk object) { chunk["object"] = chunkObject }

// moveUsage puts the usage where it belongs.
func (m *mender) moveUsage(chunk object) {
	for _, one := range objectsOf(chunk["choices"]) {
		if usage, ok := one["usage"].(object); ok {
			chunk["usage"] = usage
			return
		}
	}
	if groq, ok := chunk["x_groq"].(object); ok {
		chunk["usage"] = groq["usage"]
	}
}

// withoutIndex reports whether an object in a list has no index.
func withoutIndex(list []byte) bool {
	s := newScan(list)
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
