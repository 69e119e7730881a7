package hook

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Accepting is a caller's request as it came.
type Accepting struct {
	Dialect   llm.Dialect
	RequestID string
	// Path is that of the request, with its slash; Query has no question mark.
	Path, Query string
	// Header is the caller's; only the few that matter to a dialect are shown to it.
	Header http.Header
	Body   []byte
}

// Rendering is a reply on its way to a caller.
type Rendering struct {
	Dialect   llm.Dialect
	RequestID string
	Created   time.Time
	Status    int
	// Body is the canonical completion, or {"error":{…}}.
	Body []byte
}

// Rendered is a reply in the caller's wire format.
type Rendered struct {
	Status int
	Header http.Header
	Body   []byte
}

// told says under which name a caller's header is shown to a dialect, if at all:
// credentials, cookies and addresses are not the module's business.
func told(name string) (string, bool) {
	lower := strings.ToLower(name)
	switch lower {
	case "content-type", "accept", "user-agent":
		return lower, true
	}
	return lower, strings.HasSuffix(lower, "-version") || strings.HasSuffix(lower, "-beta")
}

func AppendAccepting(dst []byte, a Accepting) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(a.Dialect))
	dst = appendText(dst, "request_id", a.RequestID)
	dst = appendText(dst, "path", a.Path)
	dst = appendText(dst, "query", a.Query)
	dst = appendHeaders(dst, a.Header, told)
	dst = append(jsontext.AppendName(dst, "body"), a.Body...)
	return append(dst, '}')
}

func AppendRendering(dst []byte, r Rendering) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(r.Dialect))
	dst = appendText(dst, "request_id", r.RequestID)
	dst = appendWhole(dst, "created", r.Created.Unix())
	dst = appendWhole(dst, "status", int64(r.Status))
	dst = append(jsontext.AppendName(dst, "body"), Clean(r.Body)...)
	return append(dst, '}')
}

// AppendRenderOpening appends what a dialect is told at the start of a stream to a caller.
func AppendRenderOpening(dst []byte, o RenderOpening) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(o.Dialect))
	dst = appendText(dst, "request_id", o.RequestID)
	return append(appendWhole(dst, "created", o.Created.Unix()), '}')
}

// ReadRendered reads the result of penstock_render_response. The body is sliced out of
// it, not copied.
func ReadRendered(out []byte, status int) (Rendered, error) {
	r := Rendered{Status: status, Header: http.Header{}}
	s := newScan(out)
	for key := range s.Members() {
		switch string(key.Raw) {
		case "status":
			if v, ok := s.int(); ok {
				r.Status = int(v)
			}
		case "headers":
			readHeaders(&s, r.Header, ofReplies)
		case "body":
			r.Body = s.Raw()
		default:
			s.Raw()
		}
	}
	if err := s.End(); err != nil {
		return Rendered{}, err
	}
	if r.Body == nil {
		return Rendered{}, errNoBody
	}
	if !canHaveBody(r.Status) {
		return Rendered{}, fmt.Errorf("the status %d is none of a reply with a body", r.Status)
	}
	return r, nil
}

// canHaveBody reports whether a reply of this status can go to a caller: HTTP cuts the
// body of others, or has more to follow.
func canHaveBody(status int) bool {
	switch status {
	case http.StatusNoContent, http.StatusResetContent, http.StatusNotModified, StatusClientGone:
		return false
	}
	return status >= 200 && status <= 599
}

// RenderOpening is what a module is told at the start of a stream to a caller.
type RenderOpening struct {
	Dialect   llm.Dialect
	RequestID string
	Created   time.Time
}
