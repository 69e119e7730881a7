package intake

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// fault returns what ended the reading. A body that breaks the grammar is no JSON.
func (s *scanner) fault() error {
	var e *jsontext.Error
	if errors.As(s.Err(), &e) {
		return s.errorAt(llm.CodeInvalidJSON, e.Offset, "", "The request body is "+e.Reason+".")
	}
	return s.Err()
}

func (s *scanner) twice(m *members, name []byte) bool {
	return s.refuse(m.at, s.path(m.of, string(name)), "%s is given twice, and parsers disagree on which counts: give it once.", llm.Quote(string(name)))
}

func (s *scanner) wrongType(param, want string) bool {
	kind := s.kind()
	if kind == "" {
		return s.value() // which fails
	}
	return s.refuse(s.Pos(), param, "%s must be %s, not %s.", param, want, kind)
}

// refuse reports valid JSON that the gateway does not take.
func (s *scanner) refuse(at int, param, format string, args ...any) bool {
	return s.fail(llm.CodeInvalidRequest, at, param, fmt.Sprintf(format, args...))
}

// fail ends the reading.
func (s *scanner) fail(code llm.Code, at int, param, msg string) bool {
	s.Stop(s.errorAt(code, at, param, msg))
	return false
}

func (s *scanner) errorAt(code llm.Code, at int, param, msg string) *llm.Error {
	return &llm.Error{Code: code, Status: http.StatusBadRequest, Type: "invalid_request_error", Param: param,
		Message: msg + " " + s.where(at)}
}

// where says at which line and byte offset, counted from 1 and 0.
func (s *scanner) where(at int) string {
	line := 1 + bytes.Count(s.body[:at], []byte{'\n'})
	return fmt.Sprintf("(line %d, byte offset %d)", line, at)
}

// kind names the JSON type of the value that comes next, or is empty when none does.
func (s *scanner) kind() string {
	switch c := s.Peek(); c {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		if c == '-' || isDigit(c) {
			return "a number of that form"
		}
		return ""
	}
}

// path names a member of the object being read, or the object itself when the
// member is empty, as OpenAI writes error.param.
func (s *scanner) path(of object, member string) string {
	var at string
	switch of {
	case chatBody, messagesBody, responsesBody, embeddingsBody, completionsBody, geminiBody, countTokensBody, batchEmbedBody:
		return member
	case embedContentBody:
		if s.root != batchEmbedBody {
			return member
		}
		at = fmt.Sprintf("requests[%d]", s.message)
	case message:
		at = fmt.Sprintf("messages[%d]", s.message)
	case part, block:
		at = fmt.Sprintf("messages[%d].content[%d]", s.message, s.part)
	case medium, source:
		at = fmt.Sprintf("messages[%d].content[%d]", s.message, s.part)
	case tool, geminiToolObject:
		at = "tools"
	case content:
		at = s.contentPath()
	case geminiPart, geminiResult, inlineMedium:
		at = fmt.Sprintf("%s.parts[%d]", s.contentPath(), s.part)
	case geminiConfig:
		at = "generationConfig"
	case streamOptions:
		at = "stream_options"
	case metadata, userMetadata:
		at = "metadata"
	case thinking:
		at = "thinking"
	case item:
		at = fmt.Sprintf("input[%d]", s.message)
	case itemPart:
		at = fmt.Sprintf("input[%d].content[%d]", s.message, s.part)
	case reasoningConfig:
		at = "reasoning"
	case textConfig:
		at = "text"
	case outputConfig:
		at = "output_config"
	case responseFormat:
		at = "response_format"
	case cacheControl:
		at = "cache"
	}
	if member == "" {
		return at
	}
	return at + "." + member
}

// contentPath names the content of Google's APIs that is being read.
func (s *scanner) contentPath() string {
	switch s.root {
	case embedContentBody:
		return "content"
	case batchEmbedBody:
		return fmt.Sprintf("requests[%d].content", s.message)
	}
	return fmt.Sprintf("contents[%d]", s.message)
}

func isDigit(c byte) bool { return c-'0' <= 9 }
