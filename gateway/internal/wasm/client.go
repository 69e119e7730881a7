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
	for _, h := range []hook.Hook{hook.AcceptRequest, hook.RenderResponse, hook.RenderEvent} {
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

// Accept gives the canonical request. The error is an *llm.Error: with the module's own
// status and message when it rejects, with FaultTransform when it failed.
func (d *ClientDialect) Accept(ctx context.Context, a hook.Accepting) ([]byte, error) {
	if err := hook.CheckJSON(a.Body); err != nil {
		return nil, &llm.Error{Code: llm.CodeInvalidJSON, Status: http.StatusBadRequest, Fault: llm.FaultBadRequest,
			Message: "The request's body is " + err.Error() + ".", Err: err}
	}
	in := d.inputs.Get().(*[]byte)
	defer d.inputs.Put(in)
	*in = hook.AppendAccepting((*in)[:0], a)
	out, err := d.call(ctx, hook.AcceptRequest, a.RequestID, *in, len(a.Body))
	if err != nil {
		return nil, err
	}
	body, err := hook.ReadBody(out)
	if err == nil && body[0] != '{' {
		err = errors.New("the body is not an object")
	}
	if err != nil {
		return nil, d.failed(d.module.nonsense(hook.AcceptRequest, err))
	}
	d.module.breaker.good()
	return body, nil
}

// Render puts a reply or an error into the caller's wire format. The error is an
// *llm.Error with FaultTransform.
func (d *ClientDialect) Render(ctx context.Context, r hook.Rendering) (hook.Rendered, error) {
	in := d.inputs.Get().(*[]byte)
	defer d.inputs.Put(in)
	*in = hook.AppendRendering((*in)[:0], r)
	out, err := d.call(ctx, hook.RenderResponse, r.RequestID, *in, len(r.Body))
	if err != nil {
		return hook.Rendered{}, err
	}
	reply, err := hook.ReadRendered(out, r.Status)
	if err != nil {
		return hook.Rendered{}, d.failed(d.module.nonsense(hook.RenderResponse, err))
	}
	d.module.breaker.good()
	return reply, nil
}

// call asks the module unless it is disabled.
func (d *ClientDialect) call(ctx context.Context, h hook.Hook, id string, in []byte, room int) ([]byte, error) {
	if why := d.module.breaker.blocked(d.now()); why != "" {
		return nil, clientError(&hook.Fault{Module: d.module.name, Hook: h.String(), Kind: hook.Disabled, Detail: why})
	}
	out, _, err := d.module.Call(ctx, h, hook.SeedOf(id), in, make([]byte, 0, room+512))
	if err != nil {
		return nil, d.failed(err)
	}
	return out, nil
}

// failed books a fault and makes an error of it as the pipeline knows it.
func (d *ClientDialect) failed(err error) *llm.Error {
	var f *hook.Fault
	if errors.As(err, &f) && f.Kind != hook.Disabled {
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
