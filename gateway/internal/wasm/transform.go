package wasm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// TransformOptions are a transform's settings. The zero value fails the request when the
// plugin faults.
type TransformOptions struct {
	// SkipRequest, SkipResponse and SkipEvent ignore a fault in that hook instead of failing
	// the request.
	SkipRequest, SkipResponse, SkipEvent bool
	// Now is the clock, nil for time.Now.
	Now func() time.Time
}

// Transform has a module change requests and replies in the canonical form. Faults count
// towards the module's breaker. It is safe for concurrent use and does not own its module.
type Transform struct {
	module *Module
	o      TransformOptions
	inputs sync.Pool
}

// NewTransform returns the transform of a module, which must export at least one of its hooks.
func NewTransform(m *Module, o TransformOptions) (*Transform, error) {
	if !m.Exports(hook.TransformRequest) && !m.Exports(hook.NormalizeResponse) && !m.Exports(hook.NormalizeEvent) {
		return nil, fmt.Errorf("module %s is not a transform: it exports none of %s, %s and %s", m.name,
			hook.TransformRequest, hook.NormalizeResponse, hook.NormalizeEvent)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	t := &Transform{module: m, o: o}
	t.inputs.New = func() any { return new([]byte) }
	return t, nil
}

// The names of the hooks in records.
const (
	onRequest  = "request"
	onResponse = "response"
	onEvent    = "event"
)

// Request returns the canonical request as the module changed it, or nil when it left it
// unchanged. The error is an *llm.Error: with FaultBadRequest and the module's status and
// message when it rejected the request, with FaultTransform when it failed.
func (t *Transform) Request(ctx context.Context, x *llm.Exchange, body []byte) ([]byte, error) {
	if !t.module.Exports(hook.TransformRequest) {
		return nil, nil
	}
	in := t.inputs.Get().(*[]byte)
	defer t.inputs.Put(in)
	*in = hook.AppendTransformRequest((*in)[:0], x, body)
	out, fuel, err := t.call(ctx, x, hook.TransformRequest, *in, make([]byte, 0, len(body)+512))
	if err == nil && len(out) > 0 {
		out, err = hook.ReadBody(out)
		if err != nil {
			err = t.invalidResult(hook.TransformRequest, err)
		}
	}
	return t.result(x, llm.Applied{Hook: onRequest, Fuel: fuel}, out, err, t.o.SkipRequest)
}

// Response returns the canonical completion as the module changed it, or nil when it left it
// unchanged. Errors are as for Request.
func (t *Transform) Response(ctx context.Context, x *llm.Exchange, status int, body []byte) ([]byte, error) {
	if !t.module.Exports(hook.NormalizeResponse) {
		return nil, nil
	}
	in := t.inputs.Get().(*[]byte)
	defer t.inputs.Put(in)
	*in = hook.AppendTransformResponse((*in)[:0], x, status, body)
	out, fuel, err := t.call(ctx, x, hook.NormalizeResponse, *in, make([]byte, 0, len(body)+512))
	if err == nil && len(out) > 0 {
		r, wrong := hook.ReadReply(out)
		if wrong == nil && !r.HasChoices {
			wrong = errors.New("it is not a completion: it has no choices")
		}
		if wrong != nil {
			err = t.invalidResult(hook.NormalizeResponse, wrong)
		}
	}
	return t.result(x, llm.Applied{Hook: onResponse, Fuel: fuel}, out, err, t.o.SkipResponse)
}

// call calls the module unless it is disabled.
func (t *Transform) call(ctx context.Context, x *llm.Exchange, h hook.Hook, in, dst []byte) ([]byte, int64, error) {
	if err := t.blocked(h); err != nil {
		return nil, 0, err
	}
	return t.module.Call(ctx, h, hook.SeedOf(x.Request.ID), in, dst)
}

// blocked returns the fault of a disabled module, nil for any other.
func (t *Transform) blocked(h hook.Hook) error {
	if why := t.module.breaker.blocked(t.o.Now()); why != "" {
		return &hook.Fault{Module: t.module.name, Hook: h.String(), Kind: hook.Disabled, Detail: why}
	}
	return nil
}

func (t *Transform) invalidResult(h hook.Hook, err error) *hook.Fault {
	return t.module.invalidResult(h, err)
}

// result records a call whose result is bytes; none mean that nothing changes.
func (t *Transform) result(x *llm.Exchange, note llm.Applied, out []byte, err error, skip bool) ([]byte, error) {
	note.Changed = len(out) > 0
	if skipped, err := t.outcome(x, note, err, skip); err != nil || skipped || len(out) == 0 {
		return nil, err
	}
	return out, nil
}

// outcome records a call and applies on_error; skipped means the fault was ignored.
// note.Changed holds if err is nil.
func (t *Transform) outcome(x *llm.Exchange, note llm.Applied, err error, skip bool) (skipped bool, _ error) {
	note.Plugin, note.Changed = t.module.name, note.Changed && err == nil
	var f *hook.Fault
	var r *hook.Rejection
	switch {
	case err == nil:
		t.module.breaker.succeeded()
	case errors.As(err, &f):
		note.Fault = hook.Brief(f.Detail)
		if f.Kind != hook.Disabled {
			t.module.breaker.failed(t.o.Now(), note.Fault)
		}
	}
	x.Apply(note)
	if f != nil && skip && !errors.As(err, &r) { // an invalid rejection still rejects
		return true, nil
	}
	return false, t.failed(err)
}

// failed returns the pipeline's error for a failed call.
func (t *Transform) failed(err error) error {
	var r *hook.Rejection
	switch {
	case err == nil:
		return nil
	case errors.As(err, &r) && r.Code < 500: // from 500 up it is the module's failure
		return &llm.Error{Code: llm.CodeRejected, Status: max(r.Code, http.StatusBadRequest), Message: r.Message,
			Fault: llm.FaultBadRequest, Retried: true, Err: err}
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, Fault: llm.FaultTransform, Err: err,
			Message: "The gateway had no time left to run the plugin " + t.module.name + "."}
	}
	return &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Fault: llm.FaultTransform, Err: err,
		Message: "The plugin " + t.module.name + " failed, and the request can't go on without it."}
}
