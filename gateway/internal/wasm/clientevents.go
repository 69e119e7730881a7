package wasm

import (
	"context"
	"errors"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// RenderEvents puts one canonical stream into a caller's wire format, chunk by chunk.
// One goroutine uses it at a time.
type RenderEvents struct {
	dialect *ClientDialect // nil once closed
	carrier carrier
}

// RenderEvents opens a stream to a caller. The module stays as it is until Close, even
// if it is reloaded meanwhile. The error is an *llm.Error with FaultTransform.
func (d *ClientDialect) RenderEvents(ctx context.Context, o hook.RenderOpening) (*RenderEvents, error) {
	if !d.module.Retain() {
		return nil, clientError(ErrClosed)
	}
	e := &RenderEvents{dialect: d, carrier: carrier{module: d.module, hook: hook.RenderEvent, seed: hook.SeedOf(o.RequestID)}}
	out, err := e.turn(ctx, hook.EventStart, hook.AppendRenderOpening(nil, o))
	if err == nil && len(out) > 0 {
		err = d.failed(e.carrier.nonsense(errors.New("it answered before the first chunk")))
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// Next renders one canonical chunk, or {"error":{…}}. The bytes go to the caller as they
// are, framing included; they are valid until the next call. None means that the chunk
// has nothing for the caller.
func (e *RenderEvents) Next(ctx context.Context, chunk []byte) ([]byte, error) {
	return e.turn(ctx, hook.EventChunk, chunk)
}

// End tells the module that the canonical stream is complete, and returns what it has
// left to say.
func (e *RenderEvents) End(ctx context.Context) ([]byte, error) {
	return e.turn(ctx, hook.EventEnd, nil)
}

// Close lets the module go. It may be called more than once.
func (e *RenderEvents) Close() {
	if e.dialect != nil {
		e.dialect.module.Release()
		e.dialect = nil
	}
}

func (e *RenderEvents) turn(ctx context.Context, name string, data []byte) ([]byte, error) {
	d := e.dialect
	if why := d.module.breaker.blocked(d.now()); why != "" {
		return nil, clientError(&hook.Fault{Module: d.module.name, Hook: hook.RenderEvent.String(), Kind: hook.Disabled, Detail: why})
	}
	out, err := e.carrier.turn(ctx, name, data)
	if err != nil {
		return nil, d.failed(err)
	}
	d.module.breaker.good()
	return out, nil
}
