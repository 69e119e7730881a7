package intake

import (
	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// ScanMessages reads a body of Anthropic's Messages API as Scan reads one of OpenAI's
// chat completions, and with the same strictness. Fields are those of
// https://docs.anthropic.com/en/api/messages; what it does not know is carried along.
func ScanMessages(body []byte, o Options) (llm.Facts, llm.CacheControl, error) {
	var s scanner
	return s.scan(body, messagesBody, o)
}

// messagesMember reads one member of a Messages body.
func (s *scanner) messagesMember(m *members) bool {
	f := &s.facts
	switch m.field {
	case fModel:
		return s.model()
	case fMessages:
		return s.conversation()
	case fSystem:
		return s.system()
	case fStream:
		return s.flag("stream", &f.Stream, &f.StreamAt)
	case fMaxTokens:
		return s.limit(m)
	case fMetadata:
		return s.userID()
	case fTools:
		return s.tools(m)
	case fServiceTier:
		return s.serviceTier()
	case fThinking:
		return s.thinking()
	case fOutputConfig:
		return s.outputConfig()
	case fOutputFormat:
		s.need(llm.JSONSchema, s.Peek() == '{')
		return s.promptValue()
	case fSpeed:
		return s.speed()
	case fInferenceGeo:
		return s.repricedBy("inference_geo", "global")
	}
	return s.value()
}

// promptValue checks a value that is part of the prompt.
func (s *scanner) promptValue() bool {
	at := s.Pos()
	ok := s.value()
	s.prompt += s.Pos() - at
	return ok
}

// system reads the system prompt: a string or a list of text blocks.
func (s *scanner) system() bool {
	i := s.openInstructions()
	ok := s.blocks("system", &i.messageInfo)
	s.closeInstructions(&i)
	return ok
}

// repricedBy notes a string member by which the provider asks another price unless it
// has its usual value.
func (s *scanner) repricedBy(member, usual string) bool {
	if s.Peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	if ok && !t.Is(usual) {
		s.repriced(member)
	}
	return ok
}

// speed reads speed, whose "fast" is a tier at a price of its own.
func (s *scanner) speed() bool {
	if s.Peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	if ok && !t.Is("standard") {
		s.tier("speed", t.String())
	}
	return ok
}

// userID reads metadata, of which the API knows user_id.
func (s *scanner) userID() bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	m, ok := s.open(userMetadata)
	for ok && s.next(&m) {
		if m.field == fUserID {
			ok = s.user("metadata.user_id")
			continue
		}
		ok = s.value()
	}
	return s.OK()
}

// thinking asks for a reasoning model unless it is disabled.
func (s *scanner) thinking() bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	m, ok := s.open(thinking)
	for ok && s.next(&m) {
		if m.field != fType || s.Peek() != '"' {
			ok = s.value()
			continue
		}
		var t jsontext.Text
		if t, ok = s.text(); ok {
			s.need(llm.Reasoning, !t.Is("disabled"))
		}
	}
	return s.OK()
}

// outputConfig may ask for structured output; its schema is part of the prompt.
func (s *scanner) outputConfig() bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	at := s.Pos()
	m, ok := s.open(outputConfig)
	for ok && s.next(&m) {
		s.need(llm.JSONSchema, m.field == fFormat && s.Peek() == '{')
		ok = s.value()
	}
	s.prompt += s.Pos() - at
	return s.OK()
}

// anthropicMessage reads one message and notes what the facts need of it.
func (s *scanner) anthropicMessage(d *messageInfo) bool {
	m, ok := s.open(message)
	for ok && s.next(&m) {
		switch m.field {
		case fRole:
			ok = s.role(d)
		case fContent:
			ok = s.blocks(s.path(message, "content"), d)
		default:
			ok = s.value()
		}
	}
	return s.OK() && s.endMessage(d)
}

// blocks reads content: a string, or a list of content blocks. param names it in errors.
func (s *scanner) blocks(param string, d *messageInfo) bool {
	switch s.Peek() {
	case '"':
		t, ok := s.text()
		s.noteText(d, t)
		return ok
	case '[':
	default:
		return s.wrongType(param, "a string or an array of content blocks")
	}
	if !s.Open('[') {
		return false
	}
	for n := 0; s.element(); n++ {
		if s.part = n; !s.block(d) {
			return false
		}
	}
	return s.OK()
}
