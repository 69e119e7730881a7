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

// The bounds of a dialect's notes on a request.
const (
	maxDropped = 64       // names
	MaxContext = 32 << 10 // bytes
)

var errNoBody = errors.New("the result has no body")

// visibleProviderHeader reports whether a dialect gets a provider's header, and under which
// name.
func visibleProviderHeader(name string) (string, bool) {
	lower := strings.ToLower(name)
	switch lower {
	case "content-type", "retry-after", "request-id", "x-request-id":
		return lower, true
	}
	return lower, strings.Contains(lower, "ratelimit")
}

// ReadCall reads the result of penstock_transform_request. The body is a slice of it.
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
			readHeaders(&s, c.Header, refusedInCall)
		case "dropped":
			for range s.Elements() {
				notes.addDropped(s.text())
			}
		case "context":
			notes.setContext(&s, s.Raw())
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

// addDropped adds a member's name, unless it would not be valid in a header.
func (n *Notes) addDropped(name string) {
	if isMember(name) && len(n.Dropped) < maxDropped && !slices.Contains(n.Dropped, name) {
		n.Dropped = append(n.Dropped, name)
	}
}

// setContext sets a copy of the context: the result that holds it is much larger.
func (n *Notes) setContext(s *scan, raw []byte) {
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
		return fmt.Errorf("the method %q is not POST, GET or PUT", Brief(c.Method))
	case c.Body == nil:
		return errNoBody
	}
	if c.Path, err = checkPath(c.Path); err != nil {
		return err
	}
	return checkQuery(c.Query)
}

// Reply describes the result of penstock_normalise_response, or one line of a stream: a
// completion or chunk, or an error.
type Reply struct {
	// Error is the error object's JSON; nil without one.
	Error      []byte
	status     int64
	retryAfter int64 // milliseconds
	// HasChoices reports the member choices, which every completion and chunk has, hasUsage
	// the member usage.
	HasChoices, hasUsage bool
}

var errNoChoices = errors.New("it has neither choices nor an error")

// ReadCompletion reads a result that must be a completion, a chunk or an error.
func ReadCompletion(out []byte) (Reply, error) {
	r, err := ReadReply(out)
	if err == nil && !r.HasChoices && r.Error == nil {
		err = errNoChoices
	}
	return r, err
}

// ReadLine reads a line of a provider's stream: a chunk, an error, or usage alone, which the
// host does not pass on.
func ReadLine(line []byte) (Reply, error) {
	r, err := ReadReply(line)
	if err == nil && !r.HasChoices && !r.hasUsage && r.Error == nil {
		err = errNoChoices
	}
	return r, err
}

// ReadReply reads a result or line that is any object.
func ReadReply(out []byte) (Reply, error) {
	var r Reply
	s := newScan(out)
	for key := range s.Members() {
		switch string(key.Raw) {
		case "error":
			if v := s.Raw(); string(v) != "null" {
				r.Error = v
			}
		case "status":
			r.status = wholeOrZero(s.Raw())
		case "retry_after_ms":
			r.retryAfter = wholeOrZero(s.Raw())
		case "choices":
			if r.HasChoices = s.Peek() != 'n'; r.HasChoices {
				readChoices(&s)
			} else { // Azure and others write null beside usage
				s.Raw()
			}
		case "usage":
			r.hasUsage = string(s.Raw()) != "null"
		default:
			s.Raw()
		}
	}
	return r, s.End()
}

// readChoices skips the choices of a completion or chunk, and checks that they are a list of
// objects whose members have the types that clients rely on.
func readChoices(s *scan) {
	for range s.Elements() {
		for key := range s.Members() {
			v := s.Raw()
			switch string(key.Raw) {
			case "delta", "message":
				s.Stop(checkType(v, '{', string(key.Raw)))
			case "index":
				if n, err := strconv.ParseInt(string(v), 10, 32); s.OK() && (err != nil || n < 0) {
					s.Stop(fmt.Errorf("the index of a choice is %s", Clip(v)))
				}
			case "finish_reason":
				s.Stop(checkType(v, '"', string(key.Raw)))
			}
		}
	}
}

// checkType returns an error unless the value begins with first or is null.
func checkType(v []byte, first byte, what string) error {
	if len(v) == 0 || v[0] == first || string(v) == "null" {
		return nil
	}
	return fmt.Errorf("the %s of a choice is %s", what, Clip(v))
}

// wholeOrZero returns a whole number. Anything else is 0: a provider's completion may have a
// member of the same name that means something else.
func wholeOrZero(raw []byte) int64 {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// ProviderError returns a provider's error as the module translated it. It has no Fault, which
// is classified elsewhere for all dialects.
func (r Reply) ProviderError(status int) *llm.Error {
	e := &llm.Error{Code: llm.CodeUpstream, Status: status, RetryAfter: retryAfter(r.retryAfter),
		Message: "The provider refused the request.", Body: append(append([]byte(`{"error":`), r.Error...), '}')}
	if r.status >= 400 && r.status <= 599 && r.status != StatusClientGone {
		e.Status = int(r.status)
	}
	return e
}

// StatusClientGone is the status in the records of callers who hung up. It is never sent.
const StatusClientGone = 499

// ReadBody returns the member body of a result.
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
