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

// ClientDialect translates between a caller's wire format and the canonical form: requests
// into the canonical form, replies and streams into the caller's. One module may hold several
// dialects; every call names the one it means. Faults count towards the module's breaker. It
// is safe for concurrent use and does not own its module.
type ClientDialect struct {
	module *Module
	now    func() time.Time
	inputs sync.Pool
}

// NewClientDialect returns the dialect of a module, which must export all three hooks of the
// client side. Now is the clock, nil for time.Now.
func NewClientDialect(m *Module, now func() time.Time) (*ClientDialect, error) {
	for _, h := range []hook.Hook{hook.AcceptRequest, hook.RenderResponse, hook.RenderEvent} {
		if !m.Exports(h) {
			return nil, fmt.Errorf("module %s is not a client dialect: it does not export %s", m.name, h)
		}
	}
	if now == nil {
		now = time.Now
	}
	d := &ClientDialect{module: m, now: now}
	d.inputs.New = func() any { return new([]byte) }
	return d, nil
}

// Accept returns the canonical request, and what the module wants to see again with the
// reply. The error is an *llm.Error: with the module's status
// and message when it rejected the request, with FaultTransform when it failed.
func (d *ClientDialect) Accept(ctx context.Context, a hook.ClientRequest) (accepted hook.Accepted, err error) {
	if err := hook.CheckJSON(a.Body); err != nil {
		return accepted, &llm.Error{Code: llm.CodeInvalidJSON, Status: http.StatusBadRequest, Fault: llm.FaultBadRequest,
			Message: "The request's body is " + err.Error() + ".", Err: err}
	}
	in := d.inputs.Get().(*[]byte)
	defer d.inputs.Put(in)
	*in = hook.AppendClientRequest((*in)[:0], a)
	out, err := d.call(ctx, hook.AcceptRequest, a.RequestID, *in, len(a.Body))
	if err != nil {
		e := llm.AsError(err)
		e.Param = hook.MemberAt(e.Message)
		return accepted, e
	}
	if accepted, err = hook.ReadAccepted(out); err != nil {
		return accepted, d.countFault(d.module.invalidResult(hook.AcceptRequest, err))
	}
	d.module.breaker.succeeded()
	return accepted, nil
}

// Render translates a reply or an error into the caller's wire format. The error is an
// *llm.Error with FaultTransform.
func (d *ClientDialect) Render(ctx context.Context, r hook.ClientReply) (hook.RenderedReply, error) {
	in := d.inputs.Get().(*[]byte)
	defer d.inputs.Put(in)
	*in = hook.AppendClientReply((*in)[:0], r)
	out, err := d.call(ctx, hook.RenderResponse, r.RequestID, *in, len(r.Body))
	if err != nil {
		return hook.RenderedReply{}, err
	}
	reply, err := hook.ReadRenderedReply(out, r.Status)
	if err != nil {
		return hook.RenderedReply{}, d.countFault(d.module.invalidResult(hook.RenderResponse, err))
	}
	d.module.breaker.succeeded()
	return reply, nil
}

// call calls the module unless it is disabled.
func (d *ClientDialect) call(ctx context.Context, h hook.Hook, id string, in []byte, room int) ([]byte, error) {
	if why := d.module.breaker.blocked(d.now()); why != "" {
		return nil, clientError(&hook.Fault{Module: d.module.name, Hook: h.String(), Kind: hook.Disabled, Detail: why})
	}
	out, _, err := d.module.Call(ctx, h, hook.SeedOf(id), in, make([]byte, 0, room+512))
	if err != nil {
		return nil, d.countFault(err)
	}
	return out, nil
}

// countFault counts a fault towards the breaker and returns the error for the pipeline.
func (d *ClientDialect) countFault(err error) *llm.Error {
	var f *hook.Fault
	if errors.As(err, &f) && f.Kind != hook.Disabled {
		d.module.breaker.failed(d.now(), f.Detail)
	}
	return clientError(err)
}

// clientError is the pipeline's error for a failed call.
func clientError(err error) *llm.Error {
	e := transformError(err)
	if e.Code == llm.CodeInternal {
		e.Message = "The gateway's module for the caller's wire format failed."
	}
	return e
}
