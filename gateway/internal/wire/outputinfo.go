package wire

// outputInfo is what the readers note of the output that they see.
type outputInfo struct {
	// content says that something is there that a reader would miss, calls that a tool of
	// the client's is called.
	content, calls bool
	// text is the output's length in bytes.
	text int64
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
