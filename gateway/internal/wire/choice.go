package wire

import (
	"bytes"
	"math/bits"
	"strconv"
)

// maxChoices bounds the choices of one reply; OpenAI gives at most 128.
const maxChoices = 256

// choiceSet is a set of choices by their index.
type choiceSet [maxChoices / 64]uint64

func (c *choiceSet) add(i int64) { c[i/64] |= 1 << (i % 64) }

func (c *choiceSet) merge(more *choiceSet) {
	for i := range c {
		c[i] |= more[i]
	}
}

// has reports whether i, which is below maxChoices, is in the set.
func (c *choiceSet) has(i int64) bool { return c[i/64]>>(i%64)&1 == 1 }

// within reports whether every choice of c is in other.
func (c *choiceSet) within(other *choiceSet) bool {
	for i := range c {
		if c[i]&^other[i] != 0 {
			return false
		}
	}
	return true
}

func (c *choiceSet) count() (n int) {
	for _, word := range c {
		n += bits.OnesCount64(word)
	}
	return n
}

func (c *chunk) readChoices(s *scan) {
	c.kind.chosen = s.Peek() != 'n'
	if !s.enter('[') {
		return
	}
	c.choices, c.empty = true, true
	position := int64(0)
	for ; s.More(']'); position++ {
		c.empty = false
		c.readChoice(s, position)
	}
}

// choice is what is read of one choice. Its index is its position unless it says
// otherwise.
type choice struct {
	index          int64
	reason         []byte
	delta, message bool
	// role says that the delta says who speaks.
	role           bool
	noReason, null bool
}

func (c *chunk) readChoice(s *scan, position int64) {
	if !s.enter('{') {
		return
	}
	one := choice{index: position, noReason: true}
	for s.More('}') {
		switch string(s.Name().Raw) {
		case "index":
			one.index = s.index(position)
		case "delta":
			c.delta.role = false
			one.delta = c.readOutput(s, &c.delta)
			one.role = c.delta.role
		case "message":
			one.message = c.readOutput(s, &c.message)
		case "text":
			one.delta = c.readText(s) || one.delta
		case "finish_reason":
			one.readReason(s)
		case "usage":
			c.beside = s.object()
		case "error":
			c.readCause(s)
		default:
			s.Skip()
		}
	}
	c.note(&one)
}

// index reads a choice's index; what is none leaves it at its position.
func (s *scan) index(position int64) int64 {
	n, err := strconv.ParseInt(string(s.Raw()), 10, 64)
	if err != nil || n < 0 {
		return position
	}
	return n
}

func (o *choice) readReason(s *scan) {
	o.null = s.Peek() == 'n'
	o.reason = s.string()
	o.noReason = len(o.reason) == 0 && !o.null
}

// readCause reads an error that is one choice's, as OpenRouter sends it.
func (c *chunk) readCause(s *scan) {
	if v := s.Raw(); truthy(v) {
		c.failed, c.cause = true, v
	}
}

// note adds a choice to what is known of the object.
func (c *chunk) note(one *choice) {
	if one.index >= maxChoices {
		c.badIndex = true
		return
	}
	c.begun.add(one.index)
	if len(one.reason) > 0 {
		c.finished.add(one.index)
		c.failed = c.failed || string(one.reason) == "error"
	}
	if len(c.finish) == 0 || one.index == 0 && len(one.reason) > 0 {
		c.finish = one.reason
	}
	c.noReason, c.pending = c.noReason || one.noReason, c.pending || one.null
	if one.delta && !one.role {
		c.roleless.add(one.index)
	}
	if !one.delta && !one.message {
		c.deviations |= withoutDelta
	}
}

// readOutput reads a delta or a message, and reports whether there is one.
func (c *chunk) readOutput(s *scan, out *output) bool {
	if !s.enter('{') {
		return false
	}
	out.here = true
	for s.More('}') {
		switch name := s.Name().Raw; {
		case string(name) == "role":
			out.role = len(s.string()) > 0
		case isLabel(name):
			s.Skip()
		case s.Peek() == '"':
			out.add(name, s.Text().Raw)
		default:
			c.readPart(s, name, out)
		}
	}
	return true
}

// readText reads the text of a choice of the completions API, and reports whether it is
// one. Together sends one beside the delta of a chat completion, too.
func (c *chunk) readText(s *scan) bool {
	if !c.texts || s.Peek() != '"' {
		s.Skip()
		return false
	}
	c.delta.here = true
	c.delta.add([]byte("content"), s.Text().Raw)
	return true
}

// add notes a member of a delta or message that is a string.
func (o *output) add(name, text []byte) {
	if len(text) == 0 {
		return
	}
	o.text += int64(len(text))
	o.content = true
	if string(name) == "content" {
		o.words = text
		return
	}
	o.other = o.other || !isReasoning(name)
}

// isReasoning reports whether a member holds reasoning, which providers give several names.
func isReasoning(name []byte) bool {
	return bytes.HasPrefix(name, []byte("reasoning")) || bytes.HasPrefix(name, []byte("thinking"))
}

// isLabel names the members beside the role that describe a message and are no output.
func isLabel(name []byte) bool {
	switch string(name) {
	case "id", "name", "type", "object", "index", "channel":
		return true
	}
	return false
}

// isNestedLabel is isLabel for what lies deeper, where a name may be a function's.
func isNestedLabel(name []byte) bool {
	switch string(name) {
	case "id", "type", "object", "index", "format", "role":
		return true
	}
	return false
}

// readPart reads a member of a delta or message that is no string.
func (c *chunk) readPart(s *scan, name []byte, out *output) {
	list := s.Peek() == '['
	v := s.Raw()
	calls := string(name) == "tool_calls"
	switch {
	case list && string(name) == "content":
		c.deviations |= contentIsList
	case list && calls:
		c.deviations |= callDeviations(v, out == &c.delta)
	case list && out == &c.delta && string(name) == "annotations" && withoutIndex(v):
		c.deviations |= citationWithoutIndex
	}
	if !hasText(v) {
		return
	}
	out.content = true
	out.other = out.other || !isReasoning(name)
	out.text += int64(len(v))
	out.toolCalls = out.toolCalls || calls || string(name) == "function_call"
}

// hasText reports whether there is a text in an array or object, however deep, that
// is not empty. Names of types do not count, nor do numbers.
func hasText(v []byte) bool {
	s := newScan(v)
	return s.hasText()
}

func (s *scan) hasText() (found bool) {
	switch s.Peek() {
	case '"':
		return len(s.Text().Raw) > 0
	case '{':
		for s.Open('{'); s.More('}'); {
			if isNestedLabel(s.Name().Raw) {
				s.Skip()
				continue
			}
			found = s.hasText() || found
		}
	case '[':
		for s.Open('['); s.More(']'); {
			found = s.hasText() || found
		}
	default:
		s.Skip()
	}
	return found
}
