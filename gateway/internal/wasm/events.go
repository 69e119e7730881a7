package wasm

import (
	"context"
	"errors"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Events translates one provider's stream, event by event. The module keeps nothing
// between calls, so any instance serves any stream; what it must remember stands in
// state. One goroutine uses an Events at a time.
type Events struct {
	dialects *Dialects // nil once closed
	carrier  carrier
}

// Events opens the translation of a stream. The module stays as it is until Close,
// even if it is reloaded meanwhile. The error is an *llm.Error with FaultTransform.
func (d *Dialects) Events(ctx context.Context, o hook.Opening) (*Events, error) {
	if !d.module.Retain() {
		return nil, transformError(ErrClosed)
	}
	e := &Events{dialects: d, carrier: carrier{module: d.module, hook: hook.NormaliseEvent, seed: hook.SeedOf(o.RequestID)}}
	out, err := e.Next(ctx, hook.EventStart, hook.AppendOpening(nil, o))
	if err == nil && len(out) > 0 {
		err = transformError(e.carrier.nonsense(errors.New("it answered before the first event")))
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// Next translates one event of the provider's and returns canonical lines, none or
// several, each without its line end: a chunk's JSON, [DONE], or {"error":…}. They
// are valid until the next call.
func (e *Events) Next(ctx context.Context, name string, data []byte) ([][]byte, error) {
	payload, err := e.carrier.turn(ctx, name, data)
	if err != nil {
		return nil, transformError(err)
	}
	lines, err := hook.SplitLines(payload, hook.ReadLine)
	if err != nil {
		return nil, transformError(e.carrier.nonsense(err))
	}
	return lines, nil
}

// End tells the module that the provider's stream is over, and returns what it has
// left to say.
func (e *Events) End(ctx context.Context) ([][]byte, error) { return e.Next(ctx, hook.EventEnd, nil) }

// Close lets the module go. It may be called more than once.
func (e *Events) Close() {
	if e.dialects != nil {
		e.dialects.module.Release()
		e.dialects = nil
	}
}
