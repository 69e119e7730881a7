package intake

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// ScanGemini reads a body of Google's generateContent as Scan reads one of chat completions,
// and with the same strictness. Fields are those of
// https://ai.google.dev/api/generate-content, in either of the spellings that Google takes;
// what it does not know is carried along. The model and whether a stream is wanted are in the
// path, so the facts lack them.
func ScanGemini(body []byte, o Options) (llm.Facts, llm.CacheControl, error) {
	var s scanner
	return s.scan(body, geminiBody, o)
}

// geminiMember reads one member of the outermost object.
func (s *scanner) geminiMember(m *members) bool {
	switch m.field {
	case fModel:
		if s.Peek() != '"' {
			return s.wrongType("model", "a string")
		}
		at, ok := s.skip()
		s.facts.ModelAt = at
		return ok
	case fContents:
		return s.geminiContents()
	case fSystem:
		i := s.openInstructions()
		ok := s.geminiContent(&i.messageInfo)
		s.closeInstructions(&i)
		return ok
	case fTools:
		at := s.Pos()
		ok := s.oneOrMore(s.geminiTool)
		s.prompt += s.Pos() - at
		s.facts.ToolsAt = s.span(at)
		return ok
	case fGenerationConfig:
		return s.generationConfig()
	case fCachedContent:
		s.unbounded(s.Peek() != 'n', "what cachedContent brings in")
	case fServiceTier:
		return s.serviceTier()
	}
	return s.value()
}

// oneOrMore reads a list, or one element without a list around it, which Google also takes.
func (s *scanner) oneOrMore(read func() bool) bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	if !s.Open('[') {
		return read()
	}
	for s.element() {
		if !read() {
			return false
		}
	}
	return s.OK()
}

func (s *scanner) geminiContents() bool {
	at, media := s.Pos(), 0
	n := 0
	ok := s.oneOrMore(func() bool {
		s.message = n
		n++
		var d messageInfo
		if !s.geminiContent(&d) {
			return false
		}
		byUser := !d.hasRole || d.role.Is("user")
		if byUser {
			s.facts.LastUserChars = d.size
		}
		s.begin(&d, byUser)
		media += d.media
		return true
	})
	s.facts.Messages = n
	s.prompt += s.Pos() - at - media
	return ok
}

// geminiContent reads a role and parts.
func (s *scanner) geminiContent(d *messageInfo) bool {
	if s.Peek() == '"' { // an instruction may be a text
		return s.partText(d)
	}
	m, ok := s.open(content)
	for ok && s.next(&m) {
		switch {
		case m.field == fRole && s.Peek() == '"':
			d.role, ok = s.text()
			d.hasRole = ok
		case m.field == fParts:
			s.part = 0
			ok = s.oneOrMore(func() bool {
				defer func() { s.part++ }()
				return s.geminiPart(d)
			})
		default:
			ok = s.value()
		}
	}
	return s.OK()
}

// geminiPart reads one part, which may be nested in the result of a function.
func (s *scanner) geminiPart(d *messageInfo) bool {
	m, ok := s.open(geminiPart)
	for ok && s.next(&m) {
		switch m.field {
		case fText:
			ok = s.partText(d)
		case fInlineData:
			ok = s.inlineData(d)
		case fFileData:
			s.unbounded(s.Peek() != 'n', llm.RemoteFile)
			ok = s.value()
		case fFunctionResponse:
			ok = s.functionResponse(d)
		case fOpaque:
			ok = s.value()
		default:
			s.unbounded(true, "a part of a type that this gateway does not know")
			ok = s.value()
		}
	}
	return s.OK()
}

func (s *scanner) functionResponse(d *messageInfo) bool {
	if s.Peek() != '{' {
		return s.value()
	}
	m, ok := s.open(geminiResult)
	for ok && s.next(&m) {
		if m.field == fParts {
			ok = s.oneOrMore(func() bool { return s.geminiPart(d) })
			continue
		}
		ok = s.value()
	}
	return s.OK()
}

// inlineData reads a medium that is part of the request. Its type decides what it takes.
func (s *scanner) inlineData(d *messageInfo) bool {
	if s.Peek() != '{' {
		return s.value()
	}
	p := partInfo{inline: true, typed: true, text: true}
	kind, at := "", llm.Span{}
	m, ok := s.open(inlineMedium)
	for ok && s.next(&m) {
		start := s.Pos()
		switch {
		case m.field == fMimeType && s.Peek() == '"':
			kind, ok = s.bounded("mimeType", maxNameBytes)
		case m.field == fData && s.Peek() == '"':
			_, ok = s.text()
			at = s.span(start)
		default:
			ok = s.value()
		}
	}
	if !s.OK() {
		return false
	}
	p.media = s.body[at.Start:at.End]
	if !at.IsZero() {
		d.media += len(p.media)
		s.facts.MediaAt = append(s.facts.MediaAt, at)
	}
	switch kind, _, _ = strings.Cut(strings.ToLower(kind), "/"); kind {
	case "image":
		p.kinds = llm.Vision
	case "audio":
		p.kinds = llm.AudioIn
	default:
		p.kinds = llm.FileIn
		s.unbounded(kind == "video", "a video")
	}
	s.price(&p)
	return true
}

// geminiTool reads one of the tools. What a tool finds that the provider runs becomes part of
// the prompt.
func (s *scanner) geminiTool() bool {
	m, ok := s.open(geminiToolObject)
	for ok && s.next(&m) {
		given := s.Peek() != 'n'
		switch m.field {
		case fFunctions:
			s.need(llm.Tools, given)
		case fGoogleSearch:
			s.need(llm.WebSearch, given)
			s.unbounded(given, "a web search")
		default:
			s.unbounded(given, "a tool that the provider runs")
		}
		ok = s.value()
	}
	return s.OK()
}

// generationConfig reads what bounds and shapes the answer.
func (s *scanner) generationConfig() bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	at := s.Pos()
	m, ok := s.open(geminiConfig)
	for ok && s.next(&m) {
		switch c := s.Peek(); m.field {
		case fMaxOutputTokens:
			n, _, good := s.integerAt("generationConfig.maxOutputTokens", maxTokens)
			s.facts.MaxTokens, s.facts.MaxTokensAt, ok = n.value, n.at, good
			continue
		case fN:
			n, given, good := s.integer("generationConfig.candidateCount", maxChoices)
			if given {
				s.facts.Choices = int(n)
			}
			ok = good
			continue
		case fResponseFormat:
			s.need(llm.JSONSchema, c == '{')
		case fLogprobs:
			s.need(llm.Logprobs, c == 't')
		}
		ok = s.value()
	}
	s.prompt += s.Pos() - at
	return s.OK()
}

// placedNumber is a number and where it stands.
type placedNumber struct {
	value int64
	at    llm.Span
}

// integerAt is integer with the place of the number.
func (s *scanner) integerAt(param string, limit int64) (n placedNumber, given, ok bool) {
	s.Peek()
	start := s.Pos()
	n.value, given, ok = s.integer(param, limit)
	n.at = s.span(start)
	return n, given, ok
}
