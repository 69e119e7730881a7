package module

import (
	"context"
	"errors"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// eventChunk is the name under which a canonical chunk reaches a module.
const eventChunk = "chunk"

// Filter is one stream on its way through a transform. The module keeps nothing
// between calls, so any instance serves any stream; what it must remember stands in
// state. One goroutine uses a Filter at a time.
type Filter struct {
	transform *Transform
	exchange  *llm.Exchange
	state     []byte
	in, out   []byte
	closed    bool
}

// Events opens the way of one stream through the module; nil when the module does not
// look at events. The module stays as it is until Close, even if it is reloaded
// meanwhile. Errors are as for Request.
func (t *Transform) Events(ctx context.Context, x *llm.Exchange) (*Filter, error) {
	if !t.module.Exports(NormaliseEvent) {
		return nil, nil
	}
	if !t.module.Retain() {
		return nil, t.failed(ErrClosed)
	}
	f := &Filter{transform: t, exchange: x}
	opening := append(appendWhole(appendExchange(nil, x), "created", x.Request.Received.Unix()), '}')
	lines, _, err := f.ask(ctx, eventStart, opening)
	if err == nil && len(lines) > 0 {
		err = t.failed(t.nonsense(NormaliseEvent, errors.New("it answered before the first event")))
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
	return f.ask(ctx, eventChunk, chunk)
}

// End gives what the module has left to say before a complete stream ends.
func (f *Filter) End(ctx context.Context) ([][]byte, error) {
	lines, _, err := f.ask(ctx, eventEnd, nil)
	return lines, err
}

// Close lets the module go. It may be called more than once.
func (f *Filter) Close() {
	if !f.closed {
		f.closed = true
		f.transform.module.Release()
	}
}

// ask makes one call. A result of nothing at all leaves the chunk and the state.
func (f *Filter) ask(ctx context.Context, name string, data []byte) (lines [][]byte, changed bool, err error) {
	t := f.transform
	f.in = appendFrame(f.in[:0], f.state, name, data)
	out, fuel, err := t.call(ctx, f.exchange, NormaliseEvent, f.in, f.out[:0])
	if err == nil {
		f.out = out
		lines, err = f.read(out)
	}
	note := llm.Applied{Hook: onEvent, Changed: name != eventStart, Fuel: fuel}
	out, err = t.outcome(f.exchange, note, out, err, t.o.SkipEvent)
	if err != nil || out == nil {
		return nil, false, err
	}
	return lines, true, nil
}

// read takes a result apart: the new state is kept, the lines are returned.
func (f *Filter) read(out []byte) ([][]byte, error) {
	if len(out) == 0 {
		return nil, nil
	}
	state, payload, err := splitFrame(out)
	if err != nil {
		return nil, f.transform.nonsense(NormaliseEvent, err)
	}
	lines, err := splitLines(payload)
	if err != nil {
		return nil, f.transform.nonsense(NormaliseEvent, err)
	}
	for _, line := range lines {
		if string(line) == streamDone || LineError(line) != nil {
			return nil, f.transform.nonsense(NormaliseEvent, errors.New("it ended the stream, which is not a transform's to do"))
		}
	}
	f.state = append(f.state[:0], state...)
	return lines, nil
}
