package wire

import "bytes"

// responseInfo is what the gateway reads of one object of the Responses API: a response,
// or an event of a streamed one. Its slices are parts of the text that was read.
type responseInfo struct {
	typ, model, tier, status, reason []byte
	// usage is the raw usage object, cause the raw error.
	usage, cause []byte
	// delta is the text that an event adds to the output.
	delta []byte
	// output says that there is a list of output items.
	output bool
	outputInfo
	// failed says that the object is an error.
	failed bool
}

// readResponse reads one object and reports whether it is sound.
func readResponse(data []byte) (r responseInfo, ok bool) {
	s := newScan(data)
	if !s.Open('{') {
		return r, false
	}
	for s.More('}') {
		switch name := s.Name().Raw; string(name) {
		case "type":
			r.typ = s.string()
			r.failed = r.failed || string(r.typ) == "error"
		case "response":
			r.readMembers(&s)
		case "item":
			r.readItem(&s)
		case "delta":
			r.readDelta(&s)
		case "error":
			r.readCause(&s)
		default:
			r.readMember(&s, name)
		}
	}
	r.failed = r.failed || string(r.typ) == "response.failed" || string(r.status) == "failed"
	r.sortDelta()
	return r, s.End() == nil
}

// readDelta reads what an event adds to the output. Its kind may come after it.
func (r *responseInfo) readDelta(s *scan) {
	if s.Peek() == '"' {
		r.delta = s.string()
		return
	}
	r.readOther(s)
}

// sortDelta counts a delta as what the event says it is.
func (r *responseInfo) sortDelta() {
	r.other = r.other || r.content || bytes.Contains(r.typ, []byte("annotation"))
	switch {
	case len(r.delta) == 0:
		return
	case string(r.typ) == "response.output_text.delta":
		r.addWords(r.delta)
		return
	}
	r.other = r.other || !bytes.HasPrefix(r.typ, []byte("response.reasoning"))
	r.text += int64(len(r.delta))
	r.content = true
}

// readMembers reads a response within an event.
func (r *responseInfo) readMembers(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		if name := s.Name().Raw; string(name) == "error" {
			r.readCause(s)
		} else {
			r.readMember(s, name)
		}
	}
}

// readMember reads a member of a response.
func (r *responseInfo) readMember(s *scan, name []byte) {
	switch string(name) {
	case "model":
		r.model = s.string()
	case "service_tier":
		r.tier = s.string()
	case "status":
		r.status = s.string()
	case "usage":
		r.usage = s.object()
	case "incomplete_details":
		r.readReason(s)
	case "output":
		r.readOutput(s)
	default:
		s.Skip()
	}
}

func (r *responseInfo) readCause(s *scan) {
	if v := s.Raw(); truthy(v) {
		r.failed, r.cause = true, v
	}
}

func (r *responseInfo) readReason(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		if string(s.Name().Raw) == "reason" {
			r.reason = s.string()
		} else {
			s.Skip()
		}
	}
}

func (r *responseInfo) readOutput(s *scan) {
	if !s.enter('[') {
		return
	}
	r.output = true
	for s.More(']') {
		r.readItem(s)
	}
}

// readItem reads an output item: a message, a call, reasoning, or what the provider did.
func (r *responseInfo) readItem(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		switch string(s.Name().Raw) {
		case "type":
			r.readItemType(s.string())
		case "content", "summary", "arguments", "input", "result":
			r.readText(s)
		default:
			s.Skip()
		}
	}
}

// readItemType notes the items that say something by being there.
func (r *responseInfo) readItemType(kind []byte) {
	switch string(kind) {
	case "message", "reasoning":
	case "function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call", "computer_call":
		r.calls, r.content = true, true
	default:
		r.content = true
	}
}

// ended reports whether an event ends its stream.
func (r *responseInfo) ended() bool {
	switch string(r.typ) {
	case "response.completed", "response.incomplete":
		return true
	}
	return false
}

// repeated reports whether an event only says again what came before it, all at once.
func (r *responseInfo) repeated() bool {
	return r.ended() || bytes.HasSuffix(r.typ, []byte(".done"))
}

// finish is the canonical form's word for how a response has ended; empty when it has not.
func (r *responseInfo) finish() string {
	switch {
	case string(r.reason) == "content_filter":
		return "content_filter"
	case string(r.status) == "incomplete":
		return "length"
	case string(r.status) != "completed":
		return ""
	case r.calls:
		return "tool_calls"
	}
	return "stop"
}

// failure is the body of the error that an object is.
func (r *responseInfo) failure(data []byte) []byte {
	if r.cause == nil {
		return data
	}
	return append(append([]byte(`{"error":`), r.cause...), '}')
}
