package wasm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
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
	for _, h := range []hook.Hook{hook.TransformRequest, hook.NormaliseResponse, hook.NormaliseEvent} {
		if !m.Exports(h) {
			return nil, fmt.Errorf("module %s is not a dialect: it does not export %s", m.name, h)
		}
	}
	d := &Dialects{module: m}
	d.inputs.New = func() any { return new([]byte) }
	return d, nil
}

// TransformRequest puts a request into its target's wire format. The error is an
// *llm.Error: with FaultUnsupported when the request can't be expressed there, with
// FaultTransform when the module failed.
func (d *Dialects) TransformRequest(ctx context.Context, o hook.Outbound) (call llm.Call, notes hook.Notes, err error) {
	in := d.inputs.Get().(*[]byte)
	defer d.inputs.Put(in)
	*in = hook.AppendOutbound((*in)[:0], o)
	out, _, err := d.module.Call(ctx, hook.TransformRequest, hook.SeedOf(o.RequestID), *in, make([]byte, 0, len(o.Body)+512))
	if err != nil {
		return llm.Call{}, hook.Notes{}, inexpressible(transformError(err))
	}
	call, notes, err = hook.ReadCall(out)
	if err != nil {
		return llm.Call{}, hook.Notes{}, transformError(d.module.nonsense(hook.TransformRequest, err))
	}
	call.Stream = o.Stream
	return call, notes, nil
}

// inexpressible makes of a module's rejection that this target can't be asked: another
// one may take the request. The member at fault stands at the beginning of the message.
func inexpressible(e *llm.Error) *llm.Error {
	if e.Fault == llm.FaultBadRequest {
		e.Fault, e.Param = llm.FaultUnsupported, hook.MemberAt(e.Message)
	}
	return e
}

// NormaliseResponse turns a target's reply into the canonical completion. The error
// is an *llm.Error: the provider's own, with Body in the canonical form and no Fault, or
// one with FaultTransform when the module failed.
func (d *Dialects) NormaliseResponse(ctx context.Context, i hook.Inbound) ([]byte, error) {
	in := d.inputs.Get().(*[]byte)
	defer d.inputs.Put(in)
	*in = hook.AppendInbound((*in)[:0], i)
	out, _, err := d.module.Call(ctx, hook.NormaliseResponse, hook.SeedOf(i.RequestID), *in, make([]byte, 0, len(i.Body)+512))
	if err != nil {
		return nil, transformError(err)
	}
	r, err := hook.ReadCompletion(out)
	if err != nil {
		return nil, transformError(d.module.nonsense(hook.NormaliseResponse, err))
	}
	if r.Failure != nil {
		return nil, r.ProviderError(i.Status)
	}
	return out, nil
}

// transformError is a failed call as the pipeline knows it.
func transformError(err error) *llm.Error {
	var r *hook.Rejection
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
