package intake

import "github.com/penstock/penstock/gateway/internal/llm"

// ScanCountTokens reads a body of Google's countTokens as ScanGemini reads one of
// generateContent. Fields are those of https://ai.google.dev/api/tokens: contents, or a
// generateContentRequest with all that such a request has. Vertex AI has the members of that
// beside the contents. The model is in the path: the facts have the one that the body names,
// without "models/", for the caller to compare.
func ScanCountTokens(body []byte, o Options) (llm.Facts, llm.CacheControl, error) {
	var s scanner
	return s.scan(body, countTokensBody, o)
}

// countTokensMember reads one member of the outermost object.
func (s *scanner) countTokensMember(m *members) bool {
	switch {
	case m.field == fModel:
		return s.repeatedModel()
	case m.field == fGenerateRequest && s.Peek() != 'n':
		return s.countedRequest()
	case m.field == fContents:
		return s.countedContents()
	}
	return s.geminiMember(m)
}

// countedRequest reads the request whose tokens are to be counted.
func (s *scanner) countedRequest() bool {
	at := s.Pos()
	m, ok := s.open(geminiBody)
	for ok && s.next(&m) {
		switch m.field {
		case fModel:
			ok = s.repeatedModel()
		case fContents:
			ok = s.countedContents()
		default:
			ok = s.geminiMember(&m)
		}
	}
	if s.OK() && s.facts.Messages == 0 {
		return s.refuse(at, "generateContentRequest.contents", "generateContentRequest has no contents: send at least one content.")
	}
	return s.OK()
}

// countedContents reads contents, of which there may be one list only.
func (s *scanner) countedContents() bool {
	switch c := s.Peek(); {
	case c == 'n':
		return s.value()
	case c != '[' && c != '{':
		return s.wrongType("contents", "an array")
	case s.facts.Messages > 0:
		return s.refuse(s.Pos(), "contents", "Give either contents or generateContentRequest, not both.")
	}
	return s.geminiContents()
}
