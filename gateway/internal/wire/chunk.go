package wire

// chunk is what the gateway reads of one canonical object: a completion, or a chunk
// of one. Its slices are parts of the text that was read.
type chunk struct {
	id, model, tier []byte
	// usage is the raw usage object, groq the one under x_groq, beside the one within a
	// choice, as Moonshot sends it.
	usage, groq, beside []byte
	// choices says that there is an array of them, and empty that it has no elements.
	choices, empty bool
	// begun are the choices that the object has, finished those of them with a
	// finish reason; finish is the reason of the first.
	begun, finished choiceSet
	finish          []byte
	// roleless are those whose delta does not say who speaks.
	roleless choiceSet
	// noReason says that a choice has no member for its finish reason, or an empty one;
	// pending that the reason is null: it is still to come.
	noReason, pending bool
	// delta is what stands in the choices' deltas, message in their messages.
	delta, message output
	// failed says that the object is an error, cause where it stands if not at the top.
	failed bool
	cause  []byte
	// badIndex says that a choice has an index beyond all bounds.
	badIndex bool
	// deviations are the ways in which the object differs from what clients read.
	deviations deviation
	kind       kinds
	// texts says that the object is one of the completions API, whose choices have a text.
	texts bool
}

// kinds is what an object calls itself, and whether it has members that errors have.
type kinds struct {
	object, typ []byte
	faulty      bool
	// chosen says that there are choices, though they may be none.
	chosen bool
}

// output is what was produced for a reader.
type output struct {
	// here says that there was such a member at all.
	here bool
	// content says that something is there that a reader would miss: text, a tool
	// call, a refusal, reasoning, an image, audio.
	content   bool
	toolCalls bool
	// role says that it says who speaks.
	role bool
	// text is its length in bytes.
	text int64
	// words is the answer's text that a delta adds, as the inside of a JSON string; other says
	// that there is content which is neither text nor reasoning.
	words []byte
	other bool
}

// readChunk reads one JSON object and reports whether it is sound.
func readChunk(data []byte) (c chunk, ok bool) {
	ok = c.read(data)
	return c, ok
}

func (c *chunk) read(data []byte) bool {
	s := newScan(data)
	if !s.Open('{') {
		return false
	}
	for s.More('}') {
		c.readMember(&s, s.Name().Raw)
	}
	c.failed = c.failed || c.kind.failed()
	if c.usage == nil && c.counted() != nil {
		c.deviations |= usageElsewhere
	}
	return s.End() == nil
}

func (c *chunk) readMember(s *scan, name []byte) {
	switch string(name) {
	case "id":
		c.id = s.string()
	case "model":
		c.model = s.string()
	case "service_tier":
		c.tier = s.string()
	case "choices":
		c.readChoices(s)
	case "usage":
		c.usage = s.object()
	case "x_groq":
		c.readGroq(s)
	case "error":
		c.failed = truthy(s.Raw()) || c.failed
	case "object":
		c.kind.object = s.string()
	case "type":
		c.kind.typ = s.string()
	default:
		c.kind.read(s, name)
	}
}

// read notes members that stand at the top of errors which have no "error" around
// them, as FastAPI, vLLM, Mistral, Bedrock and others send them.
func (k *kinds) read(s *scan, name []byte) {
	switch string(name) {
	case "message", "Message", "msg", "error_message", "error_msg", "errorMessage":
		text := s.string()
		k.faulty = k.faulty || len(text) > 0
	case "detail", "errors":
		k.faulty = hasText(s.Raw()) || k.faulty
	case "base_resp":
		k.faulty = s.minimax() || k.faulty
	default:
		s.Skip()
	}
}

// minimax reads the status that MiniMax gives beside its choices, and reports whether it
// is that of an error.
func (s *scan) minimax() (bad bool) {
	if !s.enter('{') {
		return false
	}
	for s.More('}') {
		if string(s.Name().Raw) == "status_code" {
			bad = s.count() > 0
			continue
		}
		s.Skip()
	}
	return bad
}

// failed reports whether an object is an error by its name, or for want of choices.
func (k *kinds) failed() bool {
	return string(k.object) == "error" || string(k.typ) == "error" || k.faulty && !k.chosen
}

// isErrorList reports whether data is a list that begins with an error, as Gemini sends
// it.
func isErrorList(data []byte) bool {
	s := newScan(data)
	if !s.Open('[') {
		return false
	}
	c, sound := readChunk(s.Raw())
	return sound && c.failed
}

// counted is the usage object, wherever it stands; nil when there is none. The
// usual member comes first.
func (c *chunk) counted() []byte {
	switch {
	case c.usage != nil:
		return c.usage
	case c.beside != nil:
		return c.beside
	}
	return c.groq
}

// string reads a value that should be a string; nil for any other.
func (s *scan) string() []byte {
	if s.Peek() == '"' {
		return s.Text().Raw
	}
	s.Skip()
	return nil
}

// object reads a value that should be an object; nil for any other.
func (s *scan) object() []byte {
	if s.Peek() == '{' {
		return s.Raw()
	}
	s.Skip()
	return nil
}

func (c *chunk) readGroq(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		if string(s.Name().Raw) == "usage" {
			c.groq = s.object()
		} else {
			s.Skip()
		}
	}
}

// produced is what a plain reply says: its messages, or deltas for want of them.
func (c *chunk) produced() output {
	if c.message.here {
		return c.message
	}
	return c.delta
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
