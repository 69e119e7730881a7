package wire

import "bytes"

// messageInfo is what the gateway reads of one object of Anthropic's: a message, or an
// event of a streamed one. Its slices are parts of the text that was read.
type messageInfo struct {
	typ, model, stop []byte
	// usage is the raw usage object.
	usage []byte
	// blocks says that there is a list of content blocks.
	blocks bool
	outputInfo
	// failed says that the object is an error.
	failed bool
}

// readMessage reads one object and reports whether it is sound.
func readMessage(data []byte) (m messageInfo, ok bool) {
	s := newScan(data)
	if s.Peek() != '{' {
		return m, false
	}
	m.read(&s)
	return m, s.End() == nil
}

// read reads a message, or an event, whose members have names of their own.
func (m *messageInfo) read(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		switch name := s.Name().Raw; string(name) {
		case "type":
			m.typ = s.string()
			m.failed = m.failed || string(m.typ) == "error"
		case "message": // of message_start
			m.readStart(s)
		case "content_block":
			m.readBlock(s)
		case "delta":
			m.readDelta(s)
		case "error":
			m.failed = truthy(s.Raw()) || m.failed
		default:
			m.readMember(s, name)
		}
	}
}

// readMember reads what a message and an event have in common.
func (m *messageInfo) readMember(s *scan, name []byte) {
	switch string(name) {
	case "model":
		m.model = s.string()
	case "usage":
		m.usage = s.object()
	case "stop_reason":
		m.stop = s.string()
	case "content":
		m.readBlocks(s)
	default:
		s.Skip()
	}
}

// readStart reads the message that a stream begins with, which is empty.
func (m *messageInfo) readStart(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		m.readMember(s, s.Name().Raw)
	}
}

func (m *messageInfo) readBlocks(s *scan) {
	if !s.enter('[') {
		return
	}
	m.blocks = true
	for s.More(']') {
		m.readBlock(s)
	}
}

// readBlock reads a content block: whole, or as a stream begins it.
func (m *messageInfo) readBlock(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		switch string(s.Name().Raw) {
		case "type":
			m.readBlockType(s.string())
		case "id", "tool_use_id", "name", "signature", "cache_control", "caller":
			s.Skip()
		case "text":
			m.readWords(s)
		case "thinking":
			m.readText(s)
		default:
			m.readOther(s)
		}
	}
}

// readBlockType notes the blocks that say something by being there.
func (m *messageInfo) readBlockType(kind []byte) {
	m.calls = m.calls || string(kind) == "tool_use"
	m.other = m.other || bytes.HasSuffix(kind, []byte("tool_use")) || bytes.HasSuffix(kind, []byte("_result"))
	m.content = m.content || m.other || string(kind) == "redacted_thinking"
}

// readDelta reads what an event adds to a block, or to the message as a whole.
func (m *messageInfo) readDelta(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		switch string(s.Name().Raw) {
		case "stop_reason":
			m.stop = s.string()
		case "type", "stop_sequence", "signature":
			s.Skip()
		case "text":
			m.readWords(s)
		case "thinking":
			m.readText(s)
		default:
			m.readOther(s)
		}
	}
}
