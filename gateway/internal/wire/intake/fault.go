package intake

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// unexpected reports that the byte at pos is not what the grammar wants.
func (s *scanner) unexpected(want string) bool {
	if s.pos >= len(s.body) {
		return s.broken("It ends where "+want+" should follow.", s.pos)
	}
	return s.broken(fmt.Sprintf("%s should stand here, not %s.", want, s.found()), s.pos)
}

// found shows the character at pos.
func (s *scanner) found() string {
	r := bytes.Runes(s.body[s.pos:min(s.pos+4, len(s.body))])
	return llm.Quote(string(r[0]))
}

// broken reports a body that is not JSON.
func (s *scanner) broken(what string, at int) bool {
	return s.fail(llm.CodeInvalidJSON, at, "", "The request body is not valid JSON. "+what)
}

func (s *scanner) tooDeep() bool {
	return s.fail(llm.CodeInvalidJSON, s.pos, "", fmt.Sprintf("The request body is nested more than %d levels deep.", s.max))
}

func (s *scanner) twice(m *members, name []byte) bool {
	return s.refuse(m.at, s.path(m.of, string(name)), "%s is given twice, and parsers disagree on which counts: give it once.", llm.Quote(string(name)))
}

func (s *scanner) wrongType(param, want string) bool {
	kind := s.kind()
	if kind == "" {
		return s.unexpected("a value")
	}
	return s.refuse(s.pos, param, "%s must be %s, not %s.", param, want, kind)
}

// refuse reports valid JSON that the gateway does not take.
func (s *scanner) refuse(at int, param, format string, args ...any) bool {
	return s.fail(llm.CodeInvalidRequest, at, param, fmt.Sprintf(format, args...))
}

// fail keeps the first fault, with where it is.
func (s *scanner) fail(code llm.Code, at int, param, msg string) bool {
	if s.err == nil {
		s.err = &llm.Error{Code: code, Status: http.StatusBadRequest, Type: "invalid_request_error", Param: param,
			Message: msg + " " + s.where(at)}
	}
	return false
}

// where says at which line and byte offset, counted from 1 and 0.
func (s *scanner) where(at int) string {
	line := 1 + bytes.Count(s.body[:at], []byte{'\n'})
	return fmt.Sprintf("(line %d, byte offset %d)", line, at)
}

// kind names the JSON type of the value that starts at pos, or is empty when none
// does.
func (s *scanner) kind() string {
	switch c := s.peek(); c {
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
	case chatBody, messagesBody:
		return member
	case message:
		at = fmt.Sprintf("messages[%d]", s.message)
	case part, block:
		at = fmt.Sprintf("messages[%d].content[%d]", s.message, s.part)
	case medium, source:
		at = fmt.Sprintf("messages[%d].content[%d]", s.message, s.part)
	case tool:
		at = "tools"
	case streamOptions:
		at = "stream_options"
	case metadata, userMetadata:
		at = "metadata"
	case thinking:
		at = "thinking"
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
