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

// Dialects asks a module to translate between the canonical form and providers' wire
// formats. One module may hold several dialects; every call names the one it means.
// It is safe for concurrent use and does not own its module.
type Dialects struct {
	module *Module
	inputs sync.Pool
}

// NewDialects makes a translator of a module that exports all three hooks of the
// provider's side.
func NewDialects(m *Module) (*Dialects, error) {
	for _, h := range []Hook{TransformRequest, NormaliseResponse, NormaliseEvent} {
		if !m.Exports(h) {
			return nil, fmt.Errorf("module %s is not a dialect: it does not export %s", m.name, h)
		}
	}
	d := &Dialects{module: m}
	d.inputs.New = func() any { return new([]byte) }
	return d, nil
}

// Outbound is a canonical request on its way to a target.
type Outbound struct {
	Dialect   llm.Dialect
	Target    *llm.Target
	RequestID string
	Stream    bool
	// Body is the canonical request, valid JSON.
	Body []byte
}

// Notes are what a module says beside the request that it has made.
type Notes struct {
	// Dropped names the members of the request that the dialect has no place for, or that
	// it changed to fit: at most 64, plain enough for a header.
	Dropped []string
	// Context is a JSON object that the module gets back with the reply, or nil.
	Context []byte
}

// TransformRequest puts a request into its target's wire format. The error is an
// *llm.Error: with FaultUnsupported when the request can't be expressed there, with
// FaultTransform when the module failed.
func (d *Dialects) TransformRequest(ctx context.Context, o Outbound) (call llm.Call, notes Notes, err error) {
	in := d.inputs.Get().(*[]byte)
	defer d.inputs.Put(in)
	*in = appendOutbound((*in)[:0], o)
	out, _, err := d.module.Call(ctx, TransformRequest, SeedOf(o.RequestID), *in, make([]byte, 0, len(o.Body)+512))
	if err != nil {
		return llm.Call{}, Notes{}, inexpressible(transformError(err))
	}
	call, notes, err = readCall(out)
	if err != nil {
		return llm.Call{}, Notes{}, transformError(d.module.nonsense(TransformRequest, err))
	}
	call.Stream = o.Stream
	return call, notes, nil
}

// inexpressible makes of a module's rejection that this target can't be asked: another
// one may take the request. The member at fault stands at the beginning of the message.
func inexpressible(e *llm.Error) *llm.Error {
	if e.Fault == llm.FaultBadRequest {
		e.Fault, e.Param = llm.FaultUnsupported, memberAt(e.Message)
	}
	return e
}

// memberAt is the path that a message begins with, as in "messages[2].content: …"; empty
// when it begins with none.
func memberAt(message string) string {
	path, _, ok := strings.Cut(message, ": ")
	if !ok || !isMember(path) {
		return ""
	}
	return path
}

// Inbound is a target's plain reply, whatever its status.
type Inbound struct {
	Dialect   llm.Dialect
	Target    *llm.Target
	RequestID string
	Created   time.Time
	Status    int
	// Header is the provider's; only the few that matter to a dialect are shown to it.
	Header http.Header
	Body   []byte
	// Context is what the module said of the request; nil when nothing.
	Context []byte
}

// NormaliseResponse turns a target's reply into the canonical completion. The error
// is an *llm.Error: the provider's own, with Body in the canonical form and no Fault, or
// one with FaultTransform when the module failed.
func (d *Dialects) NormaliseResponse(ctx context.Context, i Inbound) ([]byte, error) {
	in := d.inputs.Get().(*[]byte)
	defer d.inputs.Put(in)
	*in = appendInbound((*in)[:0], i)
	out, _, err := d.module.Call(ctx, NormaliseResponse, SeedOf(i.RequestID), *in, make([]byte, 0, len(i.Body)+512))
	if err != nil {
		return nil, transformError(err)
	}
	r, err := readAnswer(out)
	if err != nil {
		return nil, transformError(d.module.nonsense(NormaliseResponse, err))
	}
	if r.failure != nil {
		return nil, r.providerError(i.Status)
	}
	return out, nil
}

// transformError is a failed call as the pipeline knows it.
func transformError(err error) *llm.Error {
	var r *Rejection
	if errors.As(err, &r) && r.Code < 500 { // from 500 up the module blames itself
		return &llm.Error{Code: llm.CodeInvalidRequest, Status: max(r.Code, http.StatusBadRequest), Message: r.Message,
			Fault: llm.FaultBadRequest, Err: err}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, Fault: llm.FaultTransform,
			Message: "The gateway had no time left to translate between wire formats.", Err: err}
	}
	return &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Fault: llm.FaultTransform,
		Message: "The gateway's module for this provider's wire format failed.", Err: err}
}

func appendOutbound(dst []byte, o Outbound) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(o.Dialect))
	dst = appendTarget(dst, o.Target)
	dst = appendText(dst, "request_id", o.RequestID)
	dst = appendBool(dst, "stream", o.Stream)
	dst = append(appendKey(dst, "body"), o.Body...)
	return append(dst, '}')
}

func appendInbound(dst []byte, i Inbound) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(i.Dialect))
	dst = appendTarget(dst, i.Target)
	dst = appendText(dst, "request_id", i.RequestID)
	dst = appendWhole(dst, "created", i.Created.Unix())
	dst = appendWhole(dst, "status", int64(i.Status))
	dst = appendHeaders(dst, i.Header, shown)
	dst = appendContext(dst, i.Context)
	dst = appendReplyBody(dst, i.Body)
	return append(dst, '}')
}

// appendContext gives back what the module said of the request.
func appendContext(dst, context []byte) []byte {
	if context == nil {
		return dst
	}
	return append(appendKey(dst, "context"), context...)
}

// appendReplyBody gives the body as it is when it is JSON, else its beginning as a
// string: it may be a proxy's HTML page.
func appendReplyBody(dst, body []byte) []byte {
	body = sound(body)
	s := scan{b: body}
	s.raw()
	if s.end() == nil {
		return append(appendKey(dst, "body"), body...)
	}
	return appendString(appendKey(dst, "text"), body[:min(len(body), 2<<10)])
}

// everything is what a model can do of which nobody knows what it can't.
const everything = ^llm.Features(0)

func appendTarget(dst []byte, t *llm.Target) []byte {
	features := t.Features
	if !t.FeaturesKnown {
		features = everything
	}
	dst = append(dst, `,"target":{"id":`...)
	dst = appendString(dst, t.ID)
	dst = appendText(dst, "provider", t.Provider)
	dst = appendText(dst, "model", t.Model)
	dst = appendWhole(dst, "max_output", t.MaxOutput)
	dst = appendNames(dst, "features", features.Names())
	return append(dst, '}')
}

// appendHeaders appends the headers that show allows, under the name it gives.
func appendHeaders(dst []byte, h http.Header, show func(name string) (string, bool)) []byte {
	dst = append(appendKey(dst, "headers"), '{')
	first := true
	for _, name := range sorted(h) {
		lower, ok := show(name)
		if !ok || len(h[name]) == 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendString(dst, lower), ':')
		dst = appendString(dst, h[name][0])
	}
	return append(dst, '}')
}

// retryAfter makes a duration of a module's milliseconds, within reason.
func retryAfter(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), (24*time.Hour).Milliseconds())) * time.Millisecond
}
