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

// ProviderDialect translates between the canonical form and providers' wire formats. One
// module may hold several dialects; every call names the one it means. It is safe for
// concurrent use and does not own its module.
type ProviderDialect struct {
	module *Module
	inputs sync.Pool
}

// NewProviderDialect returns the dialect of a module, which must export all three hooks of
// the provider side.
func NewProviderDialect(m *Module) (*ProviderDialect, error) {
	for _, h := range []hook.Hook{hook.TransformRequest, hook.NormalizeResponse, hook.NormalizeEvent} {
		if !m.Exports(h) {
			return nil, fmt.Errorf("module %s is not a dialect: it does not export %s", m.name, h)
		}
	}
	d := &ProviderDialect{module: m}
	d.inputs.New = func() any { return new([]byte) }
	return d, nil
}

// TransformRequest translates a request into its target's wire format. The error is an
// *llm.Error: with FaultUnsupported when the format can't express the request, with
// FaultTransform when the module failed.
func (d *ProviderDialect) TransformRequest(ctx context.Context, o hook.ProviderRequest) (call llm.Call, notes hook.Notes, err error) {
	in := d.inputs.Get().(*[]byte)
	defer d.inputs.Put(in)
	*in = hook.AppendProviderRequest((*in)[:0], o)
	out, _, err := d.module.Call(ctx, hook.TransformRequest, hook.SeedOf(o.RequestID), *in, make([]byte, 0, len(o.Body)+512))
	if err != nil {
		return llm.Call{}, hook.Notes{}, unsupported(transformError(err))
	}
	call, notes, err = hook.ReadCall(out)
	if err != nil {
		return llm.Call{}, hook.Notes{}, transformError(d.module.invalidResult(hook.TransformRequest, err))
	}
	call.Stream = o.Stream
	return call, notes, nil
}

// unsupported turns a module's rejection into FaultUnsupported, since another target may
// accept the request. The message begins with the member at fault.
func unsupported(e *llm.Error) *llm.Error {
	if e.Fault == llm.FaultBadRequest {
		e.Fault, e.Param = llm.FaultUnsupported, hook.MemberAt(e.Message)
	}
	return e
}

// NormalizeResponse translates a target's reply into the canonical completion. The error is
// an *llm.Error: the provider's, with Body in the canonical form and no Fault, or one with
// FaultTransform when the module failed.
func (d *ProviderDialect) NormalizeResponse(ctx context.Context, i hook.ProviderReply) ([]byte, error) {
	in := d.inputs.Get().(*[]byte)
	defer d.inputs.Put(in)
	*in = hook.AppendProviderReply((*in)[:0], i)
	out, _, err := d.module.Call(ctx, hook.NormalizeResponse, hook.SeedOf(i.RequestID), *in, make([]byte, 0, len(i.Body)+512))
	if err != nil {
		return nil, transformError(err)
	}
	r, err := hook.ReadCompletion(out)
	if err != nil {
		return nil, transformError(d.module.invalidResult(hook.NormalizeResponse, err))
	}
	if r.Error != nil {
		return nil, r.ProviderError(i.Status)
	}
	return out, nil
}

// transformError is the pipeline's error for a failed call.
func transformError(err error) *llm.Error {
	var r *hook.Rejection
	if errors.As(err, &r) && r.Code < 500 { // from 500 up it is the module's failure
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
