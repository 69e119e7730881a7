package hook

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/llm"
)

var errNoBody = errors.New("the result has no body")

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
