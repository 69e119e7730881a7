package wasm

import (
	"context"
	"errors"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Filter is one stream on its way through a transform. One goroutine uses it at a time.
type Filter struct {
	transform *Transform
	exchange  *llm.Exchange
	carrier   carrier
	closed    bool
}

// Events opens the way of one stream through the module; nil when the module does not
// look at events. The module stays as it is until Close, even if it is reloaded
// meanwhile. Errors are as for Request.
func (t *Transform) Events(ctx context.Context, x *llm.Exchange) (*Filter, error) {
	if !t.module.Exports(hook.NormaliseEvent) {
		return nil, nil
	}
	if !t.module.Retain() {
		return nil, t.failed(ErrClosed)
	}
	f := &Filter{transform: t, exchange: x, carrier: carrier{module: t.module, hook: hook.NormaliseEvent, seed: hook.SeedOf(x.Request.ID)}}
	lines, _, err := f.ask(ctx, hook.EventStart, hook.AppendTransformOpening(nil, x))
	if err == nil && len(lines) > 0 {
		err = t.failed(f.carrier.nonsense(errors.New("it answered before the first event")))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Next gives the chunks that stand for this one, none or several, or says that it is
// to be left as it is. They are valid until the next call.
func (f *Filter) Next(ctx context.Context, chunk []byte) (lines [][]byte, changed bool, err error) {
	return f.ask(ctx, hook.EventChunk, chunk)
}

// End gives what the module has left to say before a complete stream ends.
func (f *Filter) End(ctx context.Context) ([][]byte, error) {
	lines, _, err := f.ask(ctx, hook.EventEnd, nil)
	return lines, err
}

// Close lets the module go. It may be called more than once.
func (f *Filter) Close() {
	if !f.closed {
		f.closed = true
		f.transform.module.Release()
	}
}

// ask makes one call. A result of nothing at all leaves the chunk and the state, and so
// does a fault, if faults are skipped.
func (f *Filter) ask(ctx context.Context, name string, data []byte) (lines [][]byte, changed bool, err error) {
	t := f.transform
	a := answer{silent: true}
	if err = t.blocked(hook.NormaliseEvent); err == nil {
		a, err = f.carrier.ask(ctx, name, data)
	}
	if err == nil {
		lines, err = f.linesOf(a.payload)
	}
	note := llm.Applied{Hook: onEvent, Changed: name != hook.EventStart && !a.silent, Fuel: a.fuel}
	skipped, err := t.outcome(f.exchange, note, err, t.o.SkipEvent)
	if err != nil || skipped || a.silent {
		return nil, false, err
	}
	f.carrier.keep(a)
	return lines, true, nil
}

// linesOf takes a payload apart.
func (f *Filter) linesOf(payload []byte) ([][]byte, error) {
	lines, err := hook.SplitLines(payload, hook.ReadCompletion)
	if err != nil {
		return nil, f.carrier.nonsense(err)
	}
	for _, line := range lines {
		if string(line) == hook.StreamDone || hook.HasError(line) {
			return nil, f.carrier.nonsense(errors.New("it ended the stream, which is not a transform's to do"))
		}
	}
	return lines, nil
}
