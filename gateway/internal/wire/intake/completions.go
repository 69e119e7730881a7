package intake

import "github.com/penstock/penstock/gateway/internal/llm"

const (
	// maxPrompts is the largest number of prompts of one completions request, and of its
	// choices in all.
	maxPrompts = 256
	// maxBestOf is the largest best_of: OpenAI's own is 20, other servers have none.
	maxBestOf = 128
	// defaultCompletion is the API's bound on output where a request names none, in tokens.
	// Providers apply it, or their own, themselves; it counts here wherever the gateway has
	// to name a bound, so that a budget never makes a reply longer than none would.
	defaultCompletion = 16
)

// ScanCompletions reads a body of OpenAI's completions API as Scan reads one of chat
// completions, and with the same strictness. Fields are those of
// https://platform.openai.com/docs/api-reference/completions; what it does not know is
// carried along. Choices counts those of all prompts, with those that only the provider
// sees; MaxTokens is never 0.
func ScanCompletions(body []byte, o Options) (llm.Facts, llm.CacheControl, error) {
	var s scanner
	return s.scan(body, completionsBody, o)
}

// completionsMember reads one member of a completions body. Those that chat completions
// have, too, mean the same.
func (s *scanner) completionsMember(m *members) bool {
	switch m.field {
	case fPrompt:
		return s.prompts()
	case fMaxTokens:
		return s.completionLimit(m)
	case fBestOf:
		if s.Peek() == '0' { // as good as none
			return s.value()
		}
		n, _, ok := s.integer("best_of", maxBestOf)
		s.bestOf = int(n)
		return ok
	case fLogprobs: // a number; 0 asks for those of the chosen tokens
		s.need(llm.Logprobs, isDigit(s.Peek()))
		return s.value()
	}
	return s.member(m)
}

// prompts reads what is to be continued; null is an empty text.
func (s *scanner) prompts() (ok bool) {
	if s.Peek() == 'n' {
		s.facts.Messages = 1
		return s.value()
	}
	if s.Peek() == '"' {
		at := s.Pos()
		t, ok := s.text()
		s.prompt += s.Pos() - at
		s.facts.Messages, s.facts.LastUserChars = 1, t.Size
		return ok
	}
	s.facts.Messages, ok = s.texts("prompt", maxPrompts)
	return ok
}

// completionLimit reads max_tokens, which may be 0: nothing is generated then, which counts
// as one token here.
func (s *scanner) completionLimit(m *members) bool {
	if s.Peek() != '0' {
		return s.limit(m)
	}
	at := s.Pos()
	if !s.value() {
		return false
	}
	if s.Pos()-at > 1 {
		return s.refuse(at, "max_tokens", "max_tokens must be a whole number from 0 to %d, or be left out.", maxTokens)
	}
	s.facts.MaxTokens, s.facts.MaxTokensAt = 1, s.span(at)
	return true
}

// countChoices counts the replies that are made.
func (s *scanner) countChoices() bool {
	f := &s.facts
	if f.MaxTokens == 0 {
		f.MaxTokens = defaultCompletion
	}
	shown := f.Choices * f.Messages
	if shown > maxPrompts {
		return s.refuse(0, "n", "prompt and n ask for %d completions; %d are allowed at once.", shown, maxPrompts)
	}
	f.Choices = max(f.Choices, s.bestOf) * max(f.Messages, 1)
	return true
}

func completionsField(name []byte) field {
	switch string(name) {
	case "prompt":
		return fPrompt
	case "best_of":
		return fBestOf
	case "echo":
		return fEcho
	case "suffix":
		return fSuffix
	case "messages", "max_completion_tokens":
		return unknown
	}
	return chatField(name)
}
