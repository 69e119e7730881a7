package wasm

import (
	"context"
	"errors"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// ProviderEvents translates one provider's stream, event by event. One goroutine uses it at a
// time.
type ProviderEvents struct {
	dialect *ProviderDialect // nil once closed
	stream  streamState
}

// Events opens the translation of a stream. It uses this version of the module until Close,
// even if the plugin is reloaded meanwhile. The error is an *llm.Error with FaultTransform.
func (d *ProviderDialect) Events(ctx context.Context, o hook.ProviderStream) (*ProviderEvents, error) {
	if !d.module.Retain() {
		return nil, transformError(ErrClosed)
	}
	e := &ProviderEvents{dialect: d, stream: streamState{module: d.module, hook: hook.NormalizeEvent, seed: hook.SeedOf(o.RequestID)}}
	out, err := e.Next(ctx, hook.EventStart, hook.AppendProviderStream(nil, o))
	if err == nil && len(out) > 0 {
		err = transformError(e.stream.invalidResult(errors.New("it answered before the first event")))
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// Next translates one event and returns canonical lines, each without its line end: a chunk's
// JSON, [DONE], or {"error":…}. They are valid until the next call.
func (e *ProviderEvents) Next(ctx context.Context, name string, data []byte) ([][]byte, error) {
	payload, err := e.stream.next(ctx, name, data)
	if err != nil {
		return nil, transformError(err)
	}
	lines, err := hook.SplitLines(payload, hook.ReadLine)
	if err != nil {
		return nil, transformError(e.stream.invalidResult(err))
	}
	return lines, nil
}

// End tells the module that the provider's stream is over, and returns its last lines.
func (e *ProviderEvents) End(ctx context.Context) ([][]byte, error) {
	return e.Next(ctx, hook.EventEnd, nil)
}

// Close releases the module. It may be called more than once.
func (e *ProviderEvents) Close() {
	if e.dialect != nil {
		e.dialect.module.Release()
		e.dialect = nil
	}
}
