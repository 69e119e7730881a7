package hook

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
	MaxContext = 32 << 10
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

// ReadCall reads the result of penstock_transform_request. The body is sliced out of
// it, not copied.
func ReadCall(out []byte) (llm.Call, Notes, error) {
	c := llm.Call{Header: http.Header{}}
	var notes Notes
	s := newScan(out)
	for key := range s.Members() {
		switch string(key.Raw) {
		case "method":
			c.Method = s.text()
		case "path":
			c.Path = s.text()
		case "query":
			c.Query = s.text()
		case "headers":
			readHeaders(&s, c.Header, ofCalls)
		case "dropped":
			for range s.Elements() {
				notes.drop(s.text())
			}
		case "context":
			notes.keep(&s, s.Raw())
		case "body":
			c.Body = s.Raw()
		default:
			s.Raw()
		}
	}
	if err := s.End(); err != nil {
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
	case !s.OK():
	case len(raw) == 0 || raw[0] != '{':
		s.Stop(errors.New("the context is not an object"))
	case len(raw) > MaxContext:
		s.Stop(fmt.Errorf("the context has %d bytes; at most %d are kept", len(raw), MaxContext))
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
		return fmt.Errorf("the method %q is none of POST, GET and PUT", Brief(c.Method))
	case c.Body == nil:
		return errNoBody
	}
	if c.Path, err = checkPath(c.Path); err != nil {
		return err
	}
	return checkQuery(c.Query)
}

// Reply is the result of penstock_normalise_response, or one line of a stream: a
// completion or chunk, or an error.
type Reply struct {
	// Failure is the error object as it stands; nil when there is none.
	Failure    []byte
	status     int64
	retryAfter int64 // milliseconds
	// Chosen says that it has choices, as every completion and chunk has, counted that it
	// has usage.
	Chosen, counted bool
}

var errNoChoices = errors.New("it has neither choices nor an error")

// ReadCompletion reads a result that must be a completion, a chunk or an error.
func ReadCompletion(out []byte) (Reply, error) {
	r, err := ReadReply(out)
	if err == nil && !r.Chosen && r.Failure == nil {
		err = errNoChoices
	}
	return r, err
}

// ReadLine reads a line of a provider's stream: a chunk, an error, or usage alone, which
// the host keeps to itself.
func ReadLine(line []byte) (Reply, error) {
	r, err := ReadReply(line)
	if err == nil && !r.Chosen && !r.counted && r.Failure == nil {
		err = errNoChoices
	}
	return r, err
}

func ReadReply(out []byte) (Reply, error) {
	var r Reply
	s := newScan(out)
	for key := range s.Members() {
		switch string(key.Raw) {
		case "error":
			if v := s.Raw(); string(v) != "null" {
				r.Failure = v
			}
		case "status":
			r.status = wholeOr0(s.Raw())
		case "retry_after_ms":
			r.retryAfter = wholeOr0(s.Raw())
		case "choices":
			if r.Chosen = s.Peek() != 'n'; r.Chosen {
				readChoices(&s)
			} else { // Azure and others write null beside usage
				s.Raw()
			}
		case "usage":
			r.counted = string(s.Raw()) != "null"
		default:
			s.Raw()
		}
	}
	return r, s.End()
}

// readChoices passes over the choices of a completion or a chunk, and checks that they
// are a list of objects whose parts are what everybody takes them for.
func readChoices(s *scan) {
	for range s.Elements() {
		for key := range s.Members() {
			v := s.Raw()
			switch string(key.Raw) {
			case "delta", "message":
				s.Stop(want(v, '{', string(key.Raw)))
			case "index":
				if n, err := strconv.ParseInt(string(v), 10, 32); s.OK() && (err != nil || n < 0) {
					s.Stop(fmt.Errorf("the index of a choice is %s", Clip(v)))
				}
			case "finish_reason":
				s.Stop(want(v, '"', string(key.Raw)))
			}
		}
	}
}

// want reports a value that begins with something else and is not null.
func want(v []byte, first byte, what string) error {
	if len(v) == 0 || v[0] == first || string(v) == "null" {
		return nil
	}
	return fmt.Errorf("the %s of a choice is %s", what, Clip(v))
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

// ProviderError is the error a provider gave in the module's words. It has no Fault: what
// it means is told by who reads the errors of every dialect.
func (r Reply) ProviderError(status int) *llm.Error {
	e := &llm.Error{Code: llm.CodeUpstream, Status: status, RetryAfter: retryAfter(r.retryAfter),
		Message: "The provider refused the request.", Body: append(append([]byte(`{"error":`), r.Failure...), '}')}
	if r.status >= 400 && r.status <= 599 && r.status != StatusClientGone {
		e.Status = int(r.status)
	}
	return e
}

// StatusClientGone is what is booked, never sent, when a caller hung up.
const StatusClientGone = 499

// ReadBody is the member body of a result.
func ReadBody(out []byte) ([]byte, error) {
	var body []byte
	s := newScan(out)
	for key := range s.Members() {
		if v := s.Raw(); string(key.Raw) == "body" {
			body = v
		}
	}
	if err := s.End(); err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return nil, errNoBody
	}
	return body, nil
}
