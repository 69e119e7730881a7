package wire

// outputInfo is what the readers note of the output that they see.
type outputInfo struct {
	// content says that something is there that a reader would miss, calls that a tool of
	// the client's is called.
	content, calls bool
	// text is the output's length in bytes.
	text int64
	// words is the answer's text that an event adds, as the inside of a JSON string; other says
	// that there is content which is neither text nor reasoning.
	words []byte
	other bool
}

// readWords reads a text of the answer.
func (o *outputInfo) readWords(s *scan) {
	if s.Peek() != '"' {
		o.readOther(s)
		return
	}
	o.addWords(s.string())
}

// addWords adds a text of the answer to those of the same event.
func (o *outputInfo) addWords(text []byte) {
	switch {
	case len(text) == 0:
		return
	case o.words == nil:
		o.words = text
	default:
		o.words = append(o.words[:len(o.words):len(o.words)], text...)
	}
	o.text += int64(len(text))
	o.content = true
}

// readOther counts content that is neither text nor reasoning.
func (o *outputInfo) readOther(s *scan) {
	had := o.content
	o.content = false
	o.readText(s)
	o.other = o.other || o.content
	o.content = o.content || had
}

// readText counts a text, or an object or list that holds one.
func (o *outputInfo) readText(s *scan) {
	if s.Peek() == '"' {
		n := len(s.string())
		o.text += int64(n)
		o.content = o.content || n > 0
		return
	}
	if v := s.Raw(); hasText(v) {
		o.text += int64(len(v))
		o.content = true
	}
}
