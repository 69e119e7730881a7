package intake

import (
	"bytes"
	"strings"
	"unicode"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// document reads the whole body: one object and nothing else.
func (s *scanner) document() bool {
	s.facts.Choices = 1
	switch c := s.Peek(); {
	case len(s.body) > maxBodyBytes:
		return s.fail(llm.CodeTooLarge, 0, "", "The request body is larger than 1 GiB.")
	case s.Pos() == len(s.body):
		return s.fail(llm.CodeInvalidJSON, s.Pos(), "", `The request body is empty: send a JSON object with "model" and "messages".`)
	case c != '{':
		s.Expected("a JSON object")
		return false
	case !s.request():
		return false
	}
	s.facts.End = s.Pos() - 1
	return s.End() == nil && s.complete()
}

// request reads the outermost object.
func (s *scanner) request() bool {
	m, ok := s.open(s.root)
	for ok && s.next(&m) {
		ok = s.rootMember(&m)
	}
	return s.OK()
}

// rootMember reads one member of the outermost object of any API.
func (s *scanner) rootMember(m *members) bool {
	if m.field == fCache {
		return s.cacheMember(m)
	}
	switch s.root {
	case messagesBody:
		return s.messagesMember(m)
	case responsesBody:
		return s.responsesMember(m)
	case embeddingsBody:
		return s.embeddingsMember(m)
	case completionsBody:
		return s.completionsMember(m)
	case geminiBody:
		return s.geminiMember(m)
	case countTokensBody:
		return s.countTokensMember(m)
	case embedContentBody:
		return s.embedContentMember(m)
	case batchEmbedBody:
		return s.batchEmbedMember(m)
	}
	return s.member(m)
}

// complete checks what can only be checked at the end.
func (s *scanner) complete() bool {
	f := &s.facts
	if f.ModelAt.IsZero() && !s.root.modelInPath() {
		return s.refuse(0, "model", `"model" is missing: name the model that should answer.`)
	}
	if f.Inputs > 0 {
		f.Messages = f.Inputs
	}
	if s.root == completionsBody && !s.countChoices() {
		return false
	}
	switch {
	case f.Messages > 0 || s.continues:
	case s.emptyInput:
		return s.refuse(0, "input", "input is empty: send at least one item.")
	case s.root == responsesBody || s.root == embeddingsBody:
		return s.refuse(0, "input", `"input" is missing: send a text, or a list.`)
	case s.root == completionsBody:
		return s.refuse(0, "prompt", `"prompt" is missing: send a text to continue.`)
	case s.root == geminiBody:
		return s.refuse(0, "contents", `"contents" is missing: send at least one content.`)
	case s.root == countTokensBody:
		return s.refuse(0, "contents", `"contents" is missing: send at least one content, or a generateContentRequest with one.`)
	case s.root == embedContentBody:
		return s.refuse(0, "content", `"content" is missing: send one with the text in its parts.`)
	case s.root == batchEmbedBody:
		return s.refuse(0, "requests", `"requests" is missing: send at least one request.`)
	default:
		return s.refuse(0, "messages", `"messages" is missing: send at least one message.`)
	}
	f.EstInputTokens = int64(s.prompt+bytesPerToken-1)/bytesPerToken + s.media
	f.Beginning = s.beginning()
	f.TextBytes = int64(len(s.body))
	for _, at := range f.MediaAt {
		f.TextBytes -= int64(at.End - at.Start)
	}
	// An escape may spell anything, so it counts as if it did.
	f.CacheWrites = bytes.Contains(s.body, []byte("cache_control")) || bytes.Contains(s.body, []byte(`\u00`))
	return true
}

// member reads one member of a chat-completions body.
func (s *scanner) member(m *members) bool {
	f := &s.facts
	switch m.field {
	case fModel:
		return s.model()
	case fMessages:
		return s.conversation()
	case fStream:
		return s.flag("stream", &f.Stream, &f.StreamAt)
	case fStreamOptions:
		return s.streamOptions()
	case fMaxTokens, fMaxCompletionTokens:
		return s.limit(m)
	case fN:
		return s.choices()
	case fUser:
		return s.user("user")
	case fMetadata:
		return s.metadata()
	case fPromptCacheKey:
		return s.promptCacheKey()
	}
	return s.feature(m)
}

// feature reads the members that only say what a target must be capable of.
func (s *scanner) feature(m *members) bool {
	switch m.field {
	case fTools, fFunctions:
		return s.tools(m)
	case fResponseFormat:
		return s.responseFormat()
	case fModalities:
		return s.modalities()
	case fReasoningEffort:
		return s.reasoningEffort()
	case fServiceTier:
		return s.serviceTier()
	case fLogprobs, fTopLogprobs:
		c := s.Peek()
		s.need(llm.Logprobs, c == 't' || c >= '1' && c <= '9')
	case fWebSearchOptions:
		s.need(llm.WebSearch, s.Peek() == '{')
		s.unbounded(s.Peek() == '{', "a web search")
	}
	return s.value()
}

func (s *scanner) need(f llm.Features, when bool) {
	if when {
		s.facts.Features |= f
	}
}

func (s *scanner) model() bool {
	at := s.Pos()
	if s.Peek() != '"' {
		return s.wrongType("model", "a string")
	}
	t, ok := s.text()
	if !ok {
		return false
	}
	if t.Size == 0 || t.Size > maxModelBytes {
		return s.refuse(at, "model", "model must have 1 to %d bytes, not %d.", maxModelBytes, t.Size)
	}
	name := t.String()
	if strings.ContainsFunc(name, unicode.IsControl) {
		return s.refuse(at, "model", "model may not hold control characters.")
	}
	s.facts.Model, s.facts.ModelAt = name, s.span(at)
	return true
}

// flag reads a boolean member; null means false.
func (s *scanner) flag(param string, to *bool, at *llm.Span) bool {
	c := s.Peek()
	if c != 't' && c != 'f' && c != 'n' {
		return s.wrongType(param, "true or false")
	}
	span, ok := s.skip()
	*to, *at = c == 't', span
	return ok
}

func (s *scanner) streamOptions() bool {
	at := s.Pos()
	if s.Peek() == 'n' {
		ok := s.value()
		s.facts.StreamOptionsAt = s.span(at)
		return ok
	}
	var ignored llm.Span
	m, ok := s.open(streamOptions)
	for ok && s.next(&m) {
		if m.field == fIncludeUsage {
			ok = s.flag("stream_options.include_usage", &s.facts.IncludeUsage, &ignored)
			continue
		}
		ok = s.value()
	}
	s.facts.StreamOptionsAt = s.span(at)
	return s.OK()
}

// limit reads max_tokens or its newer name. Only one may be given: OpenAI refuses
// both together, and a policy could clamp only one of them.
func (s *scanner) limit(m *members) bool {
	name, at := "max_tokens", s.Pos()
	switch m.field {
	case fMaxCompletionTokens:
		name = "max_completion_tokens"
	case fMaxOutputTokens:
		name = "max_output_tokens"
	}
	n, given, ok := s.integer(name, maxTokens)
	if !ok {
		return false
	}
	if !given && s.limitGiven != unknown {
		return true
	}
	if given && s.limitGiven != unknown {
		return s.refuse(at, name, "Give either max_tokens or max_completion_tokens, not both.")
	}
	if given {
		s.limitGiven = m.field
	}
	s.facts.MaxTokens, s.facts.MaxTokensAt = n, s.span(at)
	return true
}

func (s *scanner) choices() bool {
	n, given, ok := s.integer("n", maxChoices)
	if given {
		s.facts.Choices = int(n)
	}
	return ok
}

func (s *scanner) user(param string) bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	user, ok := s.bounded(param, maxUserBytes)
	s.facts.User = user
	return ok
}

// promptCacheKey keeps a key of a usual length; it is the provider's to refuse others.
func (s *scanner) promptCacheKey() bool {
	if s.Peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	if ok && t.Size <= maxUserBytes {
		s.facts.PromptCacheKey = t.String()
	}
	return ok
}

// bounded reads a string member of at most limit bytes.
func (s *scanner) bounded(param string, limit int) (string, bool) {
	at := s.Pos()
	if s.Peek() != '"' {
		return "", s.wrongType(param, "a string")
	}
	t, ok := s.text()
	if !ok {
		return "", false
	}
	if t.Size > limit {
		return "", s.refuse(at, param, "%s has %d bytes; %d are allowed.", param, t.Size, limit)
	}
	return t.String(), true
}
