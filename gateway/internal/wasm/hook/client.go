package hook

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// ClientRequest is a caller's request in its own wire format.
type ClientRequest struct {
	Dialect   llm.Dialect
	RequestID string
	// Path begins with a slash; Query has no question mark.
	Path, Query string
	// Header is the caller's; the dialect gets only what visibleClientHeader allows.
	Header http.Header
	Body   []byte
}

// ClientReply is a canonical reply to a caller.
type ClientReply struct {
	Dialect   llm.Dialect
	RequestID string
	Created   time.Time
	Status    int
	// Context is that of the request, nil without one.
	Context []byte
	// Body is the canonical completion, or {"error":{…}}.
	Body []byte
}

// Accepted is what a dialect makes of a caller's request.
type Accepted struct {
	// Body is the canonical request.
	Body []byte
	// Context is a JSON object that the module gets with the reply, or nil.
	Context []byte
}

// RenderedReply is a reply in the caller's wire format.
type RenderedReply struct {
	Status int
	Header http.Header
	Body   []byte
}

// visibleClientHeader reports whether a dialect gets a caller's header, and under which name.
// Credentials, cookies and addresses stay with the gateway.
func visibleClientHeader(name string) (string, bool) {
	lower := strings.ToLower(name)
	switch lower {
	case "content-type", "accept", "user-agent":
		return lower, true
	}
	return lower, strings.HasSuffix(lower, "-version") || strings.HasSuffix(lower, "-beta")
}

// AppendClientRequest appends the input of penstock_accept_request.
func AppendClientRequest(dst []byte, r ClientRequest) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(r.Dialect))
	dst = appendText(dst, "request_id", r.RequestID)
	dst = appendText(dst, "path", r.Path)
	dst = appendText(dst, "query", r.Query)
	dst = appendHeaders(dst, r.Header, visibleClientHeader)
	dst = append(jsontext.AppendName(dst, "body"), r.Body...)
	return append(dst, '}')
}

// AppendClientReply appends the input of penstock_render_response.
func AppendClientReply(dst []byte, r ClientReply) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(r.Dialect))
	dst = appendText(dst, "request_id", r.RequestID)
	dst = appendWhole(dst, "created", r.Created.Unix())
	dst = appendWhole(dst, "status", int64(r.Status))
	dst = appendContext(dst, r.Context)
	dst = append(jsontext.AppendName(dst, "body"), Clean(r.Body)...)
	return append(dst, '}')
}

// AppendClientStream appends the data of the first event of a stream to a caller.
func AppendClientStream(dst []byte, s ClientStream) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(s.Dialect))
	dst = appendText(dst, "request_id", s.RequestID)
	dst = appendWhole(dst, "created", s.Created.Unix())
	return append(appendContext(dst, s.Context), '}')
}

// ReadAccepted reads the result of penstock_accept_request. The body is a slice of it.
func ReadAccepted(out []byte) (Accepted, error) {
	var a Accepted
	var notes Notes
	s := newScan(out)
	for key := range s.Members() {
		switch v := s.Raw(); string(key.Raw) {
		case "body":
			a.Body = v
		case "context":
			notes.setContext(&s, v)
		}
	}
	a.Context = notes.Context
	if err := s.End(); err != nil {
		return Accepted{}, err
	}
	switch {
	case len(a.Body) == 0:
		return Accepted{}, errNoBody
	case a.Body[0] != '{':
		return Accepted{}, errors.New("the body is not an object")
	}
	return a, nil
}

// ReadRenderedReply reads the result of penstock_render_response. The body is a slice of it.
func ReadRenderedReply(out []byte, status int) (RenderedReply, error) {
	r := RenderedReply{Status: status, Header: http.Header{}}
	s := newScan(out)
	for key := range s.Members() {
		switch string(key.Raw) {
		case "status":
			if v, ok := s.int(); ok {
				r.Status = int(v)
			}
		case "headers":
			readHeaders(&s, r.Header, refusedInReply)
		case "body":
			r.Body = s.Raw()
		default:
			s.Raw()
		}
	}
	if err := s.End(); err != nil {
		return RenderedReply{}, err
	}
	if r.Body == nil {
		return RenderedReply{}, errNoBody
	}
	if !canHaveBody(r.Status) {
		return RenderedReply{}, fmt.Errorf("a reply with the status %d can't have a body", r.Status)
	}
	return r, nil
}

// canHaveBody reports whether a reply with this status has a body and is the last one.
func canHaveBody(status int) bool {
	switch status {
	case http.StatusNoContent, http.StatusResetContent, http.StatusNotModified, StatusClientGone:
		return false
	}
	return status >= 200 && status <= 599
}

// ClientStream describes a stream to a caller.
type ClientStream struct {
	Dialect   llm.Dialect
	RequestID string
	Created   time.Time
	// Context is that of the request, nil without one.
	Context []byte
}
