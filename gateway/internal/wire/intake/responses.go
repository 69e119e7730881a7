package intake

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// ScanResponses reads a body of OpenAI's Responses API as Scan reads one of chat
// completions, and with the same strictness. Fields are those of
// https://platform.openai.com/docs/api-reference/responses; what it does not know is
// carried along.
func ScanResponses(body []byte, o Options) (llm.Facts, llm.CacheControl, error) {
	var s scanner
	return s.scan(body, responsesBody, o)
}

// responsesMember reads one member of a Responses body.
func (s *scanner) responsesMember(m *members) bool {
	f := &s.facts
	switch m.field {
	case fModel:
		return s.model()
	case fInput:
		return s.input()
	case fInstructions:
		i := s.openInstructions()
		ok := s.partText(&i.messageInfo)
		s.closeInstructions(&i)
		return ok
	case fStream:
		return s.flag("stream", &f.Stream, &f.StreamAt)
	case fMaxOutputTokens:
		return s.limit(m)
	case fUser:
		return s.user("user")
	case fMetadata:
		return s.metadata()
	case fPromptCacheKey:
		return s.promptCacheKey()
	case fTools:
		return s.tools(m)
	case fServiceTier:
		return s.serviceTier()
	case fReasoning:
		return s.reasoning()
	case fTextConfig:
		return s.textConfig()
	case fTopLogprobs:
		c := s.Peek()
		s.need(llm.Logprobs, c >= '1' && c <= '9')
	}
	return s.value()
}

// input reads the conversation: a string, or a list of items.
func (s *scanner) input() bool {
	at := s.Pos()
	if s.Peek() == '"' {
		var d messageInfo
		t, ok := s.text()
		s.noteText(&d, t)
		s.begin(&d, true)
		s.facts.Messages, s.facts.LastUserChars = 1, t.Size
		s.prompt += s.Pos() - at
		return ok
	}
	if !s.Open('[') {
		return s.wrongType("input", "a string or an array of items")
	}
	media, n := 0, 0
	for ; s.element(); n++ {
		s.message = n
		var i itemInfo
		if !s.item(&i) {
			return false
		}
		media += i.media
	}
	s.facts.Messages = n
	s.prompt += s.Pos() - at - media
	s.emptyInput = n == 0
	return s.OK()
}

// itemInfo is what one item of the input says about itself.
type itemInfo struct {
	messageInfo
	// typed says that it has a type, known that the gateway knows it.
	typed, known bool
}

// knownItems are the types of items that hold all that they bring into the prompt.
var knownItems = []string{"message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning",
	"web_search_call", "file_search_call", "code_interpreter_call", "computer_call", "computer_call_output", "image_generation_call",
	"local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output", "apply_patch_call", "apply_patch_call_output",
	"mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response", "compaction", "additional_tools", "tool_search_call", "tool_search_output"}

// item reads one item of the input.
func (s *scanner) item(i *itemInfo) bool {
	if s.Peek() != '{' {
		return s.wrongType(s.path(item, ""), "an item")
	}
	m, ok := s.open(item)
	for ok && s.next(&m) {
		switch m.field {
		case fType:
			ok = s.itemType(i)
		case fRole:
			ok = s.itemRole(i)
		case fContent, fOutput:
			ok = s.itemContent(i)
		case fResult:
			ok = s.itemMedium(llm.Vision, i)
		default:
			ok = s.value()
		}
	}
	if !s.OK() {
		return false
	}
	byUser := i.hasRole && i.role.Is("user")
	if byUser {
		s.facts.LastUserChars = i.size
	}
	s.begin(&i.messageInfo, byUser)
	s.unbounded(i.typed && !i.known || !i.typed && !i.hasRole, "an item of a type that this gateway does not know")
	return true
}

func (s *scanner) itemType(i *itemInfo) bool {
	if s.Peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	i.typed, i.known = ok, isAny(t, knownItems...)
	s.unbounded(t.Is("item_reference"), "an item that is kept by the provider")
	return ok
}

func (s *scanner) itemRole(i *itemInfo) bool {
	if s.Peek() != '"' {
		return s.value()
	}
	var ok bool
	i.role, ok = s.text()
	i.hasRole = ok
	return ok
}

// itemContent reads a message's content or a call's output: text, a list of parts, or
// one part.
func (s *scanner) itemContent(i *itemInfo) bool {
	switch s.Peek() {
	case '"':
		t, ok := s.text()
		s.noteText(&i.messageInfo, t)
		return ok
	case '{':
		return s.itemPart(i)
	case '[':
	default:
		return s.value()
	}
	s.Open('[')
	for s.part = 0; s.element(); s.part++ {
		if s.Peek() != '{' {
			return s.wrongType(s.path(itemPart, ""), "a content part")
		}
		if !s.itemPart(i) {
			return false
		}
	}
	return s.OK()
}

// itemPart reads one content part.
func (s *scanner) itemPart(i *itemInfo) bool {
	var p partInfo
	m, ok := s.open(itemPart)
	for ok && s.next(&m) {
		switch m.field {
		case fType:
			ok = s.itemPartType(&p)
		case fText:
			ok = s.partText(&i.messageInfo)
		case fImageURL, fFileURL, fFileData, fInputAudio:
			ok = s.medium(kindOf(m.field), &p, &i.messageInfo)
		case fFileID:
			p.byID = p.byID || s.Peek() == '"'
			ok = s.value()
		default:
			ok = s.value()
		}
	}
	if s.OK() {
		s.price(&p)
	}
	return s.OK()
}

// kindOf is the kind of medium that a member of a part holds.
func kindOf(f field) llm.Features {
	switch f {
	case fImageURL:
		return llm.Vision
	case fInputAudio:
		return llm.AudioIn
	}
	return llm.FileIn
}

func (s *scanner) itemPartType(p *partInfo) bool {
	if s.Peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	p.typed = true
	switch {
	case isAny(t, "input_image", "computer_screenshot"):
		p.kinds |= llm.Vision
	case t.Is("input_audio"):
		p.kinds |= llm.AudioIn
	case t.Is("input_file"):
		p.kinds |= llm.FileIn
	default:
		p.text = isAny(t, "input_text", "output_text", "text", "refusal", "summary_text", "reasoning_text", "exec", "logs", "image", "search", "open_page", "find")
	}
	return ok
}

// itemMedium reads the image that an earlier reply has made.
func (s *scanner) itemMedium(kind llm.Features, i *itemInfo) bool {
	if s.Peek() != '"' {
		return s.value()
	}
	var p partInfo
	ok := s.medium(kind, &p, &i.messageInfo)
	if ok {
		s.price(&p)
	}
	return ok
}

// reasoning asks for a reasoning model unless it names no effort.
func (s *scanner) reasoning() bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	m, ok := s.open(reasoningConfig)
	for ok && s.next(&m) {
		if m.field == fEffort {
			ok = s.reasoningEffort()
			continue
		}
		ok = s.value()
	}
	return s.OK()
}

// textConfig may ask for structured output; its schema is part of the prompt.
func (s *scanner) textConfig() bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	m, ok := s.open(textConfig)
	for ok && s.next(&m) {
		if m.field == fFormat {
			ok = s.responseFormat()
			continue
		}
		ok = s.value()
	}
	return s.OK()
}

// ownResponseTool reports the further types of tools that callers of the Responses API
// run themselves.
func ownResponseTool(kind string) bool {
	switch kind {
	case "local_shell", "shell", "apply_patch", "computer", "namespace":
		return true
	}
	return strings.HasPrefix(kind, "computer_use")
}
