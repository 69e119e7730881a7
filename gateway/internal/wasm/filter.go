package wasm

import (
	"context"
	"errors"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Filter passes one stream through a transform. One goroutine uses it at a time.
type Filter struct {
	transform *Transform
	exchange  *llm.Exchange
	stream    streamState
	closed    bool
}

// Events opens a stream through the module; nil when the module does not change streams. It
// uses this version of the module until Close, even if the plugin is reloaded meanwhile.
// Errors are as for Request.
func (t *Transform) Events(ctx context.Context, x *llm.Exchange) (*Filter, error) {
	if !t.module.Exports(hook.NormalizeEvent) {
		return nil, nil
	}
	if !t.module.Retain() {
		return nil, t.failed(ErrClosed)
	}
	f := &Filter{transform: t, exchange: x, stream: streamState{module: t.module, hook: hook.NormalizeEvent, seed: hook.SeedOf(x.Request.ID)}}
	lines, _, err := f.call(ctx, hook.EventStart, hook.AppendTransformStream(nil, x))
	if err == nil && len(lines) > 0 {
		err = t.failed(f.stream.invalidResult(errors.New("it answered before the first event")))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Next returns the chunks that replace this one, none or several, or reports that it is
// unchanged. They are valid until the next call.
func (f *Filter) Next(ctx context.Context, chunk []byte) (lines [][]byte, changed bool, err error) {
	return f.call(ctx, hook.EventChunk, chunk)
}

// End returns the module's last chunks before a complete stream ends.
func (f *Filter) End(ctx context.Context) ([][]byte, error) {
	lines, _, err := f.call(ctx, hook.EventEnd, nil)
	return lines, err
}

// Close releases the module. It may be called more than once.
func (f *Filter) Close() {
	if !f.closed {
		f.closed = true
		f.transform.module.Release()
	}
}

// call makes one call. An empty result leaves the chunk and the state unchanged, and so does
// a fault that is ignored.
func (f *Filter) call(ctx context.Context, name string, data []byte) (lines [][]byte, changed bool, err error) {
	t := f.transform
	a := eventResult{noOpinion: true}
	if err = t.blocked(hook.NormalizeEvent); err == nil {
		a, err = f.stream.call(ctx, name, data)
	}
	if err == nil {
		lines, err = f.linesOf(a.payload)
	}
	note := llm.Applied{Hook: onEvent, Changed: name != hook.EventStart && !a.noOpinion, Fuel: a.fuel}
	skipped, err := t.outcome(f.exchange, note, err, t.o.SkipEvent)
	if err != nil || skipped || a.noOpinion {
		return nil, false, err
	}
	f.stream.setState(a)
	return lines, true, nil
}

// linesOf splits a payload.
func (f *Filter) linesOf(payload []byte) ([][]byte, error) {
	lines, err := hook.SplitLines(payload, hook.ReadCompletion)
	if err != nil {
		return nil, f.stream.invalidResult(err)
	}
	for _, line := range lines {
		if string(line) == hook.StreamDone || hook.HasError(line) {
			return nil, f.stream.invalidResult(errors.New("it ended the stream, which a transform must not do"))
		}
	}
	return lines, nil
}
