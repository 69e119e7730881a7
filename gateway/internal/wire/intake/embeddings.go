package intake

import "github.com/penstock/penstock/gateway/internal/llm"

// maxInputs is the largest number of texts of one embeddings request: OpenAI's own.
const maxInputs = 2048

// maxDimensions is more than any model's vectors have.
const maxDimensions = 1_000_000

// ScanEmbeddings reads a body of OpenAI's embeddings API as Scan reads one of chat
// completions, and with the same strictness. Fields are those of
// https://platform.openai.com/docs/api-reference/embeddings; what it does not know is
// carried along.
func ScanEmbeddings(body []byte, o Options) (llm.Facts, llm.CacheControl, error) {
	var s scanner
	return s.scan(body, embeddingsBody, o)
}

// embeddingsMember reads one member of an embeddings body.
func (s *scanner) embeddingsMember(m *members) bool {
	switch m.field {
	case fModel:
		return s.model()
	case fInput:
		return s.inputs()
	case fUser:
		return s.user("user")
	case fMetadata:
		return s.metadata()
	case fEncodingFormat:
		return s.encodingFormat()
	case fDimensions:
		return s.dimensions("dimensions")
	case fInputType:
		return s.optionalText("input_type")
	}
	return s.value()
}

// dimensions reads the wanted length of vectors.
func (s *scanner) dimensions(param string) bool {
	_, _, ok := s.integer(param, maxDimensions)
	return ok
}

// optionalText reads a short text, which may be null.
func (s *scanner) optionalText(param string) bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	_, ok := s.bounded(param, maxNameBytes)
	return ok
}

// inputs reads what vectors are asked for.
func (s *scanner) inputs() (ok bool) {
	s.facts.Inputs, ok = s.texts("input", maxInputs)
	return ok
}

// texts reads a text, a list of at most limit texts, a text as a list of tokens, or a list of
// those, and counts the texts. All of them are part of the prompt.
func (s *scanner) texts(param string, limit int) (n int, ok bool) {
	at := s.Pos()
	switch {
	case s.Peek() == '"':
		ok := s.value()
		s.prompt += s.Pos() - at
		return 1, ok
	case !s.Open('['):
		return 0, s.wrongType(param, "a string or an array")
	}
	tokens := 0
	for s.element() {
		switch c := s.Peek(); {
		case c == '"' || c == '[':
			n++
		case c >= '0' && c <= '9':
			tokens++
		default:
			return 0, s.wrongType(param, "an array of strings or tokens")
		}
		if !s.value() {
			return 0, false
		}
		if n > limit {
			return 0, s.refuse(at, param, "%s has more than %d texts: send fewer at once.", param, limit)
		}
	}
	if tokens > 0 && n > 0 {
		return 0, s.refuse(at, param, "%s mixes texts and tokens: send either.", param)
	}
	if tokens > 0 {
		n = 1
	}
	s.prompt += s.Pos() - at
	return n, s.OK() && (n > 0 || s.refuse(at, param, "%s is empty: send at least one text.", param))
}

// encodingFormat asks for base64 or for numbers.
func (s *scanner) encodingFormat() bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	format, ok := s.bounded("encoding_format", maxNameBytes)
	s.facts.Encoding = format
	return ok
}

func embeddingsField(name []byte) field {
	switch string(name) {
	case "input":
		return fInput
	case "encoding_format":
		return fEncodingFormat
	case "dimensions":
		return fDimensions
	case "input_type":
		return fInputType
	case "model", "user", "metadata":
		return chatField(name)
	}
	return unknown
}
