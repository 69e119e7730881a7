package wire

// geminiInfo is what the gateway reads of one object of Google's: a reply, or an event of a
// streamed one. Its slices are parts of the text that was read.
type geminiInfo struct {
	model []byte
	// usage is the raw usageMetadata, reason the finishReason of the first answer.
	usage, reason []byte
	// begun are the answers that there are, finished those that say why they end.
	begun, finished choiceSet
	outputInfo
	searches int64
	// blocked is set when the prompt was blocked, failed when the object is an error.
	blocked, failed bool
}

// readGeminiReply reads one object and reports whether it is sound.
func readGeminiReply(data []byte) (g geminiInfo, ok bool) {
	s := newScan(data)
	if s.Peek() != '{' {
		return g, false
	}
	for s.Open('{'); s.More('}'); {
		switch string(s.Name().Raw) {
		case "candidates":
			g.readCandidates(&s)
		case "modelVersion":
			g.model = s.string()
		case "usageMetadata":
			g.usage = s.object()
		case "promptFeedback":
			g.readFeedback(&s)
		case "error":
			g.failed = truthy(s.Raw()) || g.failed
		default:
			s.Skip()
		}
	}
	return g, s.End() == nil
}

func (g *geminiInfo) readFeedback(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		if string(s.Name().Raw) == "blockReason" {
			g.blocked = truthy(s.Raw()) || g.blocked
		} else {
			s.Skip()
		}
	}
}

func (g *geminiInfo) readCandidates(s *scan) {
	if !s.enter('[') {
		return
	}
	for position := int64(0); s.More(']'); position++ {
		g.readCandidate(s, position)
	}
}

// readCandidate reads one answer. Its index is its position unless it says otherwise.
func (g *geminiInfo) readCandidate(s *scan, index int64) {
	if !s.enter('{') {
		return
	}
	var reason []byte
	for s.More('}') {
		switch string(s.Name().Raw) {
		case "index":
			index = s.index(index)
		case "finishReason":
			if v := s.Raw(); truthy(v) && string(v) != `"FINISH_REASON_UNSPECIFIED"` {
				reason = v
			}
		case "content":
			g.readContent(s)
		case "groundingMetadata":
			g.readGrounding(s)
		default:
			s.Skip()
		}
	}
	index = min(index, maxChoices-1)
	g.begun.add(index)
	if reason == nil {
		return
	}
	g.finished.add(index)
	if len(g.reason) == 0 || index == 0 {
		g.reason = reason
	}
}

func (g *geminiInfo) readContent(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		if string(s.Name().Raw) != "parts" || !s.Open('[') {
			s.Skip()
			continue
		}
		for s.More(']') {
			g.readPart(s)
		}
	}
}

func (g *geminiInfo) readPart(s *scan) {
	if !s.enter('{') {
		return
	}
	var text []byte
	thought := false
	for s.More('}') {
		switch string(s.Name().Raw) {
		case "text":
			text = s.string()
		case "thought":
			thought = truthy(s.Raw())
		case "thoughtSignature":
			s.Skip()
		case "functionCall":
			g.calls, g.content, g.other = true, true, true
			g.text += int64(len(s.Raw()))
		default:
			v := s.Raw()
			g.other = g.other || hasText(v)
			g.content = g.content || g.other
		}
	}
	if thought {
		g.text, g.content = g.text+int64(len(text)), g.content || len(text) > 0
		return
	}
	g.addWords(text)
}

// readGrounding counts the searches of an answer.
func (g *geminiInfo) readGrounding(s *scan) {
	if !s.enter('{') {
		return
	}
	for s.More('}') {
		if string(s.Name().Raw) != "webSearchQueries" || !s.Open('[') {
			s.Skip()
			continue
		}
		for s.More(']') {
			s.Skip()
			g.searches++
		}
	}
}

// finish is the canonical form's word for how the first answer has ended; empty when it has
// not. Older clients get numbers in the place of Google's words.
func (g *geminiInfo) finish() string {
	switch string(g.reason) {
	case "":
		if g.blocked {
			return "content_filter"
		}
		return ""
	case "2", `"MAX_TOKENS"`:
		return "length"
	case "3", "4", "6", "7", "8", "9", "11", `"SAFETY"`, `"RECITATION"`, `"LANGUAGE"`, `"BLOCKLIST"`, `"PROHIBITED_CONTENT"`, `"SPII"`,
		`"MODEL_ARMOR"`, `"IMAGE_SAFETY"`, `"IMAGE_PROHIBITED_CONTENT"`, `"IMAGE_RECITATION"`:
		return "content_filter"
	}
	if g.calls {
		return "tool_calls"
	}
	return "stop"
}
