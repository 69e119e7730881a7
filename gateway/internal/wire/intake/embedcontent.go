package intake

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// ScanEmbedContent reads a body of Google's embedContent as Scan reads one of chat
// completions, and with the same strictness. Fields are those of
// https://ai.google.dev/api/embeddings, in either of the spellings that Google takes; what it
// does not know is carried along. The model is in the path: the facts have the one that the
// body names, without "models/", for the caller to compare.
func ScanEmbedContent(body []byte, o Options) (llm.Facts, llm.CacheControl, error) {
	var s scanner
	return s.scan(body, embedContentBody, o)
}

// ScanBatchEmbedContents reads a body of batchEmbedContents, a list of embedContent's, in the
// same way. All must name the same model.
func ScanBatchEmbedContents(body []byte, o Options) (llm.Facts, llm.CacheControl, error) {
	var s scanner
	return s.scan(body, batchEmbedBody, o)
}

// batchEmbedMember reads one member of a list of requests' body.
func (s *scanner) batchEmbedMember(m *members) bool {
	if m.field != fRequests || s.Peek() == 'n' {
		return s.value()
	}
	at := s.Pos()
	if !s.Open('[') {
		return s.wrongType("requests", "an array")
	}
	for n := 0; s.element(); n++ {
		s.message = n
		if n == maxInputs {
			return s.refuse(at, "requests", "requests has more than %d elements: send fewer at once.", maxInputs)
		}
		if !s.embedRequest() {
			return false
		}
	}
	return s.OK()
}

// embedRequest reads one of a list of requests, which must have a content.
func (s *scanner) embedRequest() bool {
	at, before := s.Pos(), s.facts.Inputs
	m, ok := s.open(embedContentBody)
	for ok && s.next(&m) {
		ok = s.embedContentMember(&m)
	}
	if s.OK() && s.facts.Inputs == before {
		param := s.path(embedContentBody, "content")
		return s.refuse(at, param, "%s is missing: send one with the text in its parts.", param)
	}
	return s.OK()
}

// embedContentMember reads one member of a request.
func (s *scanner) embedContentMember(m *members) bool {
	switch m.field {
	case fModel:
		return s.repeatedModel()
	case fContent:
		return s.embedContent()
	case fTaskType:
		return s.optionalText(s.path(embedContentBody, "taskType"))
	case fName:
		if s.Peek() != '"' && s.Peek() != 'n' {
			return s.wrongType(s.path(embedContentBody, "title"), "a string")
		}
		return s.addedText()
	case fDimensions:
		return s.dimensions(s.path(embedContentBody, "outputDimensionality"))
	case fRequests:
		param := s.path(embedContentBody, "requests")
		return s.refuse(m.at, param, "%s has no place in one request: send a list of requests to batchEmbedContents.", param)
	}
	return s.value()
}

// embedContent reads what a vector is asked for. Only its text is part of the prompt: providers
// that count nothing are charged by the estimate, and names and brackets would be most of it.
func (s *scanner) embedContent() bool {
	switch s.Peek() {
	case 'n':
		return s.value()
	case '{':
	default:
		return s.wrongType(s.contentPath(), "an object")
	}
	var d messageInfo
	ok := s.geminiContent(&d)
	s.facts.Inputs++
	s.prompt += d.size + len(`""`)
	return ok
}

// addedText passes over a value that is part of the prompt.
func (s *scanner) addedText() bool {
	at := s.Pos()
	ok := s.value()
	s.prompt += s.Pos() - at
	return ok
}

// repeatedModel reads the model that a body names although its path does.
func (s *scanner) repeatedModel() bool {
	s.Peek()
	at := s.Pos()
	if s.Peek() == 'n' {
		return s.value()
	}
	name, ok := s.bounded("model", len("models/")+maxModelBytes)
	if !ok {
		return false
	}
	name = strings.TrimPrefix(name, "models/")
	if had := s.facts.Model; had != "" && had != name {
		return s.refuse(at, "model", "This request names the model %s, and another part of it %s: name one model.", llm.Quote(name), llm.Quote(had))
	}
	s.facts.Model, s.facts.ModelAt = name, s.span(at)
	return true
}
