package wasm

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// The bounds of what a dialect may put around a body.
const (
	maxDropped = 64
	maxContext = 32 << 10
)

var errNoBody = errors.New("the result lacks its body")

// shown says under which name a provider's header is shown to a dialect, if at all.
func shown(name string) (string, bool) {
	lower := strings.ToLower(name)
	switch lower {
	case "content-type", "retry-after", "request-id", "x-request-id":
		return lower, true
	}
	return lower, strings.Contains(lower, "ratelimit")
}

// readCall reads the result of penstock_transform_request. The body is sliced out of
// it, not copied.
func readCall(out []byte) (llm.Call, Notes, error) {
	c := llm.Call{Header: http.Header{}}
	var notes Notes
	s := scan{b: out}
	s.object(func(key string) {
		switch key {
		case "method":
			c.Method = s.text()
		case "path":
			c.Path = s.text()
		case "query":
			c.Query = s.text()
		case "headers":
			readHeaders(&s, c.Header, ofCalls)
		case "dropped":
			s.array(func() { notes.drop(s.text()) })
		case "context":
			notes.keep(&s, s.raw())
		case "body":
			c.Body = s.raw()
		default:
			s.raw()
		}
	})
	if err := s.end(); err != nil {
		return llm.Call{}, Notes{}, err
	}
	return c, notes, checkCall(&c)
}

// drop notes a member's name, unless it could not stand in a header.
func (n *Notes) drop(name string) {
	if isMember(name) && len(n.Dropped) < maxDropped && !slices.Contains(n.Dropped, name) {
		n.Dropped = append(n.Dropped, name)
	}
}

// keep notes the context. It is copied: the result that it stands in is much larger.
func (n *Notes) keep(s *scan, raw []byte) {
	switch {
	case s.err != nil:
	case len(raw) == 0 || raw[0] != '{':
		s.check(errors.New("the context is not an object"))
	case len(raw) > maxContext:
		s.check(fmt.Errorf("the context has %d bytes; at most %d are kept", len(raw), maxContext))
	default:
		n.Context = bytes.Clone(raw)
	}
}

// isMember reports whether s is the name of a member, or a path such as
// messages[2].content.
func isMember(s string) bool {
	for _, c := range []byte(s) {
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && strings.IndexByte("_-.[]", c) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

func checkCall(c *llm.Call) (err error) {
	switch {
	case c.Method != "" && c.Method != http.MethodPost && c.Method != http.MethodGet && c.Method != http.MethodPut:
		return fmt.Errorf("the method %q is none of POST, GET and PUT", brief(c.Method))
	case c.Body == nil:
		return errNoBody
	}
	if c.Path, err = checkPath(c.Path); err != nil {
		return err
	}
	return checkQuery(c.Query)
}

// reply is the result of penstock_normalise_response, or one line of a stream: a
// completion or chunk, or an error.
type reply struct {
	// failure is the error object as it stands; nil when there is none.
	failure    []byte
	status     int64
	retryAfter int64 // milliseconds
	// chosen says that it has choices, as every completion and chunk has, counted that it
	// has usage.
	chosen, counted bool
}

var errNoChoices = errors.New("it has neither choices nor an error")

// readAnswer reads a result that must be a completion, a chunk or an error.
func readAnswer(out []byte) (reply, error) {
	r, err := readReply(out)
	if err == nil && !r.chosen && r.failure == nil {
		err = errNoChoices
	}
	return r, err
}

// readLine reads a line of a provider's stream: a chunk, an error, or usage alone, which
// the host keeps to itself.
func readLine(line []byte) (reply, error) {
	r, err := readReply(line)
	if err == nil && !r.chosen && !r.counted && r.failure == nil {
		err = errNoChoices
	}
	return r, err
}

func readReply(out []byte) (reply, error) {
	var r reply
	s := scan{b: out}
	s.object(func(key string) {
		switch key {
		case "error":
			if v := s.raw(); string(v) != "null" {
				r.failure = v
			}
		case "status":
			r.status = wholeOr0(s.raw())
		case "retry_after_ms":
			r.retryAfter = wholeOr0(s.raw())
		case "choices":
			if r.chosen = s.peek() != 'n'; r.chosen {
				readChoices(&s)
			} else { // Azure and others write null beside usage
				s.raw()
			}
		case "usage":
			r.counted = string(s.raw()) != "null"
		default:
			s.raw()
		}
	})
	return r, s.end()
}

// readChoices passes over the choices of a completion or a chunk, and checks that they
// are a list of objects whose parts are what everybody takes them for.
func readChoices(s *scan) {
	s.array(func() {
		s.object(func(key string) {
			v := s.raw()
			switch key {
			case "delta", "message":
				s.check(want(v, '{', key))
			case "index":
				if n, err := strconv.ParseInt(string(v), 10, 32); s.err == nil && (err != nil || n < 0) {
					s.check(fmt.Errorf("the index of a choice is %s", clip(v)))
				}
			case "finish_reason":
				s.check(want(v, '"', key))
			}
		})
	})
}

// want reports a value that begins with something else and is not null.
func want(v []byte, first byte, what string) error {
	if len(v) == 0 || v[0] == first || string(v) == "null" {
		return nil
	}
	return fmt.Errorf("the %s of a choice is %s", what, clip(v))
}

// wholeOr0 is a whole number's value. Anything else is 0: a provider's completion may have
// a member of the same name that means something else.
func wholeOr0(raw []byte) int64 {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// providerError is the error a provider gave in the module's words. It has no Fault: what
// it means is told by who reads the errors of every dialect.
func (r reply) providerError(status int) *llm.Error {
	e := &llm.Error{Code: llm.CodeUpstream, Status: status, RetryAfter: retryAfter(r.retryAfter),
		Message: "The provider refused the request.", Body: append(append([]byte(`{"error":`), r.failure...), '}')}
	if r.status >= 400 && r.status <= 599 && r.status != statusClientGone {
		e.Status = int(r.status)
	}
	return e
}
