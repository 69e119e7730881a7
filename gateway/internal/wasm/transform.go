package wasm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TransformOptions are a transform's settings. The zero value fails the request when
// the plugin does.
type TransformOptions struct {
	// SkipRequest, SkipResponse and SkipEvent go on without the plugin when it faults in
	// that hook, instead of failing the request.
	SkipRequest, SkipResponse, SkipEvent bool
	// Now is the clock, nil for time.Now.
	Now func() time.Time
}

// Transform lets a module change requests and replies in the canonical form. Faults
// count towards its module's breaker. It is safe for concurrent use and does not own its
// module.
type Transform struct {
	module *Module
	o      TransformOptions
	inputs sync.Pool
}

// NewTransform makes a transform of a module that exports at least one of its hooks.
func NewTransform(m *Module, o TransformOptions) (*Transform, error) {
	if !m.Exports(TransformRequest) && !m.Exports(NormaliseResponse) && !m.Exports(NormaliseEvent) {
		return nil, fmt.Errorf("module %s is not a transform: it exports none of %s, %s and %s", m.name,
			TransformRequest, NormaliseResponse, NormaliseEvent)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	t := &Transform{module: m, o: o}
	t.inputs.New = func() any { return new([]byte) }
	return t, nil
}

// The hooks as records name them.
const (
	onRequest  = "request"
	onResponse = "response"
	onEvent    = "event"
)

// Request gives the canonical request as the module changes it, or nil when it leaves
// it alone. The error is an *llm.Error: with FaultBadRequest and the module's own
// status and message when it rejects, with FaultTransform when it failed.
func (t *Transform) Request(ctx context.Context, x *llm.Exchange, body []byte) ([]byte, error) {
	if !t.module.Exports(TransformRequest) {
		return nil, nil
	}
	in := t.inputs.Get().(*[]byte)
	defer t.inputs.Put(in)
	*in = append(appendKey(appendExchange((*in)[:0], x), "body"), body...)
	*in = append(*in, '}')
	out, fuel, err := t.call(ctx, x, TransformRequest, *in, make([]byte, 0, len(body)+512))
	if err == nil && len(out) > 0 {
		out, err = readBody(out)
		if err != nil {
			err = t.nonsense(TransformRequest, err)
		}
	}
	return t.result(x, llm.Applied{Hook: onRequest, Fuel: fuel}, out, err, t.o.SkipRequest)
}

// readBody is the member body of a result.
func readBody(out []byte) ([]byte, error) {
	var body []byte
	s := scan{b: out}
	s.object(func(key string) {
		if v := s.raw(); key == "body" {
			body = v
		}
	})
	if err := s.end(); err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return nil, errors.New("the result lacks its body")
	}
	return body, nil
}

// Response gives the canonical completion as the module changes it, or nil when it
// leaves it alone. Errors are as for Request.
func (t *Transform) Response(ctx context.Context, x *llm.Exchange, status int, body []byte) ([]byte, error) {
	if !t.module.Exports(NormaliseResponse) {
		return nil, nil
	}
	in := t.inputs.Get().(*[]byte)
	defer t.inputs.Put(in)
	*in = appendWhole(appendExchange((*in)[:0], x), "created", x.Request.Received.Unix())
	*in = appendWhole(*in, "status", int64(status))
	*in = append(append(appendKey(*in, "body"), sound(body)...), '}')
	out, fuel, err := t.call(ctx, x, NormaliseResponse, *in, make([]byte, 0, len(body)+512))
	if err == nil && len(out) > 0 {
		r, wrong := readReply(out)
		if wrong == nil && !r.chosen {
			wrong = errors.New("it is no completion: it has no choices")
		}
		if wrong != nil {
			err = t.nonsense(NormaliseResponse, wrong)
		}
	}
	return t.result(x, llm.Applied{Hook: onResponse, Fuel: fuel}, out, err, t.o.SkipResponse)
}

// call asks the module unless it is disabled.
func (t *Transform) call(ctx context.Context, x *llm.Exchange, h Hook, in, dst []byte) ([]byte, int64, error) {
	if err := t.blocked(h); err != nil {
		return nil, 0, err
	}
	return t.module.Call(ctx, h, SeedOf(x.Request.ID), in, dst)
}

// blocked is the fault of a module that is disabled.
func (t *Transform) blocked(h Hook) error {
	if why := t.module.breaker.blocked(t.o.Now()); why != "" {
		return &Fault{Module: t.module.name, Hook: h.String(), Kind: Disabled, Detail: why}
	}
	return nil
}

func (t *Transform) nonsense(h Hook, err error) *Fault { return t.module.nonsense(h, err) }

// result books a call whose result is bytes, none of which leave things as they are.
func (t *Transform) result(x *llm.Exchange, note llm.Applied, out []byte, err error, skip bool) ([]byte, error) {
	note.Changed = len(out) > 0
	if skipped, err := t.outcome(x, note, err, skip); err != nil || skipped || len(out) == 0 {
		return nil, err
	}
	return out, nil
}

// outcome books a call and decides what its error means: skipped says that things go on
// as if there had been no call. Changed in the note is how it is if there is no error.
func (t *Transform) outcome(x *llm.Exchange, note llm.Applied, err error, skip bool) (skipped bool, _ error) {
	note.Plugin, note.Changed = t.module.name, note.Changed && err == nil
	var f *Fault
	var no *Rejection
	switch {
	case err == nil:
		t.module.breaker.good()
	case errors.As(err, &f):
		note.Fault = brief(f.Detail)
		if f.Kind != Disabled {
			t.module.breaker.fault(t.o.Now(), note.Fault)
		}
	}
	x.Apply(note)
	if f != nil && skip && !errors.As(err, &no) { // a no is a no, however badly it is said
		return true, nil
	}
	return false, t.failed(err)
}

// failed is a failed call as the pipeline knows it.
func (t *Transform) failed(err error) error {
	var r *Rejection
	switch {
	case err == nil:
		return nil
	case errors.As(err, &r) && r.Code < 500: // from 500 up the module blames itself
		return &llm.Error{Code: llm.CodeRejected, Status: max(r.Code, http.StatusBadRequest), Message: r.Message,
			Fault: llm.FaultBadRequest, Retried: true, Err: err}
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, Fault: llm.FaultTransform, Err: err,
			Message: "The gateway had no time left to run the plugin " + t.module.name + "."}
	}
	return &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Fault: llm.FaultTransform, Err: err,
		Message: "The plugin " + t.module.name + " failed, and the request can't go on without it."}
}

// appendExchange begins an envelope with what every hook of a transform is told. The
// caller closes the object.
func appendExchange(dst []byte, x *llm.Exchange) []byte {
	r := x.Request
	dst = append(dst, `{"v":1,"stage":"policy"`...)
	dst = appendText(dst, "request_id", r.ID)
	dst = appendText(dst, "route", x.Route.Name)
	dst = appendText(dst, "model", r.Facts.Model)
	dst = appendText(dst, "key", r.Principal.KeyID)
	dst = appendText(dst, "team", r.Principal.Team)
	dst = appendText(dst, "user", r.Principal.User)
	dst = appendTags(dst, r.Tags)
	dst = appendBool(dst, "stream", r.Facts.Stream)
	return appendTarget(dst, x.Target)
}
