package wasm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// ClientDialect asks a module to speak a caller's wire format: to put its requests into
// the canonical form, and replies and streams into its own. One module may hold several
// dialects; every call names the one it means. Faults count towards the module's
// breaker. It is safe for concurrent use and does not own its module.
type ClientDialect struct {
	module *Module
	now    func() time.Time
	inputs sync.Pool
}

// NewClientDialect makes a translator of a module that exports all three hooks of the
// client's side. Now is the clock, nil for time.Now.
func NewClientDialect(m *Module, now func() time.Time) (*ClientDialect, error) {
	for _, h := range []Hook{AcceptRequest, RenderResponse, RenderEvent} {
		if !m.Exports(h) {
			return nil, fmt.Errorf("module %s is not a dialect for callers: it does not export %s", m.name, h)
		}
	}
	if now == nil {
		now = time.Now
	}
	d := &ClientDialect{module: m, now: now}
	d.inputs.New = func() any { return new([]byte) }
	return d, nil
}

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

// Accept gives the canonical request. The error is an *llm.Error: with the module's own
// status and message when it rejects, with FaultTransform when it failed.
func (d *ClientDialect) Accept(ctx context.Context, a Accepting) ([]byte, error) {
	s := scan{b: a.Body}
	if s.raw(); s.end() != nil {
		return nil, &llm.Error{Code: llm.CodeInvalidJSON, Status: http.StatusBadRequest, Fault: llm.FaultBadRequest,
			Message: "The request's body is " + s.err.Error() + ".", Err: s.err}
	}
	in := d.inputs.Get().(*[]byte)
	defer d.inputs.Put(in)
	*in = appendAccepting((*in)[:0], a)
	out, err := d.call(ctx, AcceptRequest, a.RequestID, *in, len(a.Body))
	if err != nil {
		return nil, err
	}
	body, err := readBody(out)
	if err == nil && body[0] != '{' {
		err = errors.New("the body is not an object")
	}
	if err != nil {
		return nil, d.failed(d.module.nonsense(AcceptRequest, err))
	}
	d.module.breaker.good()
	return body, nil
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

// Render puts a reply or an error into the caller's wire format. The error is an
// *llm.Error with FaultTransform.
func (d *ClientDialect) Render(ctx context.Context, r Rendering) (Rendered, error) {
	in := d.inputs.Get().(*[]byte)
	defer d.inputs.Put(in)
	*in = appendRendering((*in)[:0], r)
	out, err := d.call(ctx, RenderResponse, r.RequestID, *in, len(r.Body))
	if err != nil {
		return Rendered{}, err
	}
	reply, err := readRendered(out, r.Status)
	if err != nil {
		return Rendered{}, d.failed(d.module.nonsense(RenderResponse, err))
	}
	d.module.breaker.good()
	return reply, nil
}

// call asks the module unless it is disabled.
func (d *ClientDialect) call(ctx context.Context, h Hook, id string, in []byte, room int) ([]byte, error) {
	if why := d.module.breaker.blocked(d.now()); why != "" {
		return nil, clientError(&Fault{Module: d.module.name, Hook: h.String(), Kind: Disabled, Detail: why})
	}
	out, _, err := d.module.Call(ctx, h, SeedOf(id), in, make([]byte, 0, room+512))
	if err != nil {
		return nil, d.failed(err)
	}
	return out, nil
}

// failed books a fault and makes an error of it as the pipeline knows it.
func (d *ClientDialect) failed(err error) *llm.Error {
	var f *Fault
	if errors.As(err, &f) && f.Kind != Disabled {
		d.module.breaker.fault(d.now(), f.Detail)
	}
	return clientError(err)
}

// clientError is a failed call as the pipeline knows it.
func clientError(err error) *llm.Error {
	e := transformError(err)
	if e.Code == llm.CodeInternal {
		e.Message = "The gateway's module for the caller's wire format failed."
	}
	return e
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

func appendAccepting(dst []byte, a Accepting) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(a.Dialect))
	dst = appendText(dst, "request_id", a.RequestID)
	dst = appendText(dst, "path", a.Path)
	dst = appendText(dst, "query", a.Query)
	dst = appendHeaders(dst, a.Header, told)
	dst = append(appendKey(dst, "body"), a.Body...)
	return append(dst, '}')
}

func appendRendering(dst []byte, r Rendering) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(r.Dialect))
	dst = appendText(dst, "request_id", r.RequestID)
	dst = appendWhole(dst, "created", r.Created.Unix())
	dst = appendWhole(dst, "status", int64(r.Status))
	dst = append(appendKey(dst, "body"), sound(r.Body)...)
	return append(dst, '}')
}

// readRendered reads the result of penstock_render_response. The body is sliced out of
// it, not copied.
func readRendered(out []byte, status int) (Rendered, error) {
	r := Rendered{Status: status, Header: http.Header{}}
	s := scan{b: out}
	s.object(func(key string) {
		switch key {
		case "status":
			if v, ok := s.int(); ok {
				r.Status = int(v)
			}
		case "headers":
			readHeaders(&s, r.Header, ofReplies)
		case "body":
			r.Body = s.raw()
		default:
			s.raw()
		}
	})
	if err := s.end(); err != nil {
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
	case http.StatusNoContent, http.StatusResetContent, http.StatusNotModified, statusClientGone:
		return false
	}
	return status >= 200 && status <= 599
}
