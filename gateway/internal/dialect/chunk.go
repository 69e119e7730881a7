package dialect

import "bytes"

// chunk is what the gateway reads of one canonical object: a completion, or a chunk
// of one. Its slices are parts of the text that was read.
type chunk struct {
	model, finish []byte
	// usage is the raw usage object, groq the one in Groq's own place.
	usage, groq []byte
	// choices says that there is an array of them, and empty that it has no elements.
	choices, empty bool
	// content says that something is there that a reader would miss: anything but a
	// role, in any choice.
	content   bool
	toolCalls bool
	// text is the length of what was produced: text, arguments, reasoning.
	text int64
	// failed says that there is an "error" that the official clients would raise.
	failed bool
}

// readChunk reads one JSON object and reports whether it is sound.
func readChunk(data []byte) (c chunk, ok bool) {
	s := scan{b: data}
	if !s.open('{') {
		return c, false
	}
	for first := true; s.more('}', &first); {
		switch string(s.name()) {
		case "model":
			c.model = s.string()
		case "choices":
			c.readChoices(&s)
		case "usage":
			c.usage = s.object()
		case "x_groq":
			c.readGroq(&s)
		case "error":
			c.failed = truthy(s.raw())
		default:
			s.skip(0)
		}
	}
	return c, s.end()
}

// string reads a value that should be a string; nil for any other.
func (s *scan) string() []byte {
	if s.peek() == '"' {
		return s.text()
	}
	s.skip(0)
	return nil
}

// object reads a value that should be an object; nil for any other.
func (s *scan) object() []byte {
	if s.peek() == '{' {
		return s.raw()
	}
	s.skip(0)
	return nil
}

func (c *chunk) readGroq(s *scan) {
	if !s.open('{') {
		s.skip(0)
		return
	}
	for first := true; s.more('}', &first); {
		if string(s.name()) == "usage" {
			c.groq = s.object()
		} else {
			s.skip(0)
		}
	}
}

func (c *chunk) readChoices(s *scan) {
	if !s.open('[') {
		s.skip(0)
		return
	}
	c.choices, c.empty = true, true
	for first := true; s.more(']', &first); {
		c.readChoice(s, c.empty)
		c.empty = false
	}
}

func (c *chunk) readChoice(s *scan, first bool) {
	if !s.open('{') {
		s.skip(0)
		return
	}
	for head := true; s.more('}', &head); {
		switch string(s.name()) {
		case "delta", "message":
			c.readDelta(s)
		case "finish_reason":
			reason := s.string()
			c.content = c.content || len(reason) > 0
			if first {
				c.finish = reason
			}
		default:
			s.skip(0)
		}
	}
}

func (c *chunk) readDelta(s *scan) {
	if !s.open('{') {
		s.skip(0)
		return
	}
	for first := true; s.more('}', &first); {
		switch name := s.name(); {
		case string(name) == "role":
			s.skip(0)
		case s.peek() == '"':
			n := len(s.text())
			c.text += int64(n)
			c.content = c.content || n > 0
		default:
			c.readPart(s, string(name) == "tool_calls")
		}
	}
}

// readPart reads a member of a delta that is no string.
func (c *chunk) readPart(s *scan, calls bool) {
	v := s.raw()
	if blank(v) {
		return
	}
	c.content = true
	c.text += int64(len(v))
	c.toolCalls = c.toolCalls || calls
}

// blank reports whether a value says nothing.
func blank(v []byte) bool {
	switch string(v) {
	case "null", "false", `""`:
		return true
	}
	return len(bytes.Trim(v, " \t\r\n[]{}")) == 0
}

// truthy follows the official clients: any such value under "error" makes them
// raise one.
func truthy(v []byte) bool {
	switch string(v) {
	case "null", "false", `""`, "0", "":
		return false
	}
	return true
}
