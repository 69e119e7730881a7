package wasm

import (
	"context"
	"errors"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// ClientEvents translates one canonical stream into a caller's wire format, chunk by chunk.
// One goroutine uses it at a time.
type ClientEvents struct {
	dialect *ClientDialect // nil once closed
	stream  streamState
}

// RenderEvents opens a stream to a caller. It uses this version of the module until Close,
// even if the plugin is reloaded meanwhile. The error is an *llm.Error with FaultTransform.
func (d *ClientDialect) RenderEvents(ctx context.Context, o hook.ClientStream) (*ClientEvents, error) {
	if !d.module.Retain() {
		return nil, clientError(ErrClosed)
	}
	e := &ClientEvents{dialect: d, stream: streamState{module: d.module, hook: hook.RenderEvent, seed: hook.SeedOf(o.RequestID)}}
	out, err := e.call(ctx, hook.EventStart, hook.AppendClientStream(nil, o))
	if err == nil && len(out) > 0 {
		err = d.countFault(e.stream.invalidResult(errors.New("it answered before the first chunk")))
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// Next renders one canonical chunk, or {"error":{…}}. The bytes go to the caller as they are,
// framing included; they are valid until the next call. An empty result means that the chunk
// holds nothing for the caller.
func (e *ClientEvents) Next(ctx context.Context, chunk []byte) ([]byte, error) {
	return e.call(ctx, hook.EventChunk, chunk)
}

// End tells the module that the canonical stream is complete, and returns its last bytes.
func (e *ClientEvents) End(ctx context.Context) ([]byte, error) {
	return e.call(ctx, hook.EventEnd, nil)
}

// Close releases the module. It may be called more than once.
func (e *ClientEvents) Close() {
	if e.dialect != nil {
		e.dialect.module.Release()
		e.dialect = nil
	}
}

func (e *ClientEvents) call(ctx context.Context, name string, data []byte) ([]byte, error) {
	d := e.dialect
	if why := d.module.breaker.blocked(d.now()); why != "" {
		return nil, clientError(&hook.Fault{Module: d.module.name, Hook: hook.RenderEvent.String(), Kind: hook.Disabled, Detail: why})
	}
	out, err := e.stream.next(ctx, name, data)
	if err != nil {
		return nil, d.countFault(err)
	}
	d.module.breaker.succeeded()
	return out, nil
}
