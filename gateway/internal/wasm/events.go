package wasm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// The names of the events that the host itself makes.
const (
	eventStart = "penstock.start"
	eventEnd   = "penstock.end"
)

// streamDone is the line that ends a complete stream.
const streamDone = "[DONE]"

// Opening is what a module is told at the start of a stream.
type Opening struct {
	Dialect   llm.Dialect
	Target    *llm.Target
	RequestID string
	Created   time.Time
	// IncludeUsage says that the client asked for usage in the stream.
	IncludeUsage bool
	// Context is what the module said of the request; nil when nothing.
	Context []byte
}

// Events translates one provider's stream, event by event. The module keeps nothing
// between calls, so any instance serves any stream; what it must remember stands in
// state. One goroutine uses an Events at a time.
type Events struct {
	dialects *Dialects // nil once closed
	carrier  carrier
}

// Events opens the translation of a stream. The module stays as it is until Close,
// even if it is reloaded meanwhile. The error is an *llm.Error with FaultTransform.
func (d *Dialects) Events(ctx context.Context, o Opening) (*Events, error) {
	if !d.module.Retain() {
		return nil, transformError(ErrClosed)
	}
	e := &Events{dialects: d, carrier: carrier{module: d.module, hook: NormaliseEvent, seed: SeedOf(o.RequestID)}}
	out, err := e.Next(ctx, eventStart, appendOpening(nil, o))
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
	lines, err := splitLines(payload, readLine)
	if err != nil {
		return nil, transformError(e.carrier.nonsense(err))
	}
	return lines, nil
}

// End tells the module that the provider's stream is over, and returns what it has
// left to say.
func (e *Events) End(ctx context.Context) ([][]byte, error) { return e.Next(ctx, eventEnd, nil) }

// Close lets the module go. It may be called more than once.
func (e *Events) Close() {
	if e.dialects != nil {
		e.dialects.module.Release()
		e.dialects = nil
	}
}

// failed reports a line of a stream that carries an error.
func failed(line []byte) bool {
	r, err := readReply(line)
	return err == nil && r.failure != nil
}

func appendOpening(dst []byte, o Opening) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(o.Dialect))
	dst = appendTarget(dst, o.Target)
	dst = appendText(dst, "request_id", o.RequestID)
	dst = appendWhole(dst, "created", o.Created.Unix())
	dst = appendBool(dst, "include_usage", o.IncludeUsage)
	dst = appendContext(dst, o.Context)
	return append(dst, '}')
}

// appendFrame appends u32le(len(state)) | state | name | "\n" | data.
func appendFrame(dst, state []byte, name string, data []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(state)))
	dst = append(dst, state...)
	dst = append(dst, name...)
	dst = append(dst, '\n')
	return append(dst, data...)
}

// splitFrame takes a result apart into the new state and the payload.
func splitFrame(out []byte) (state, payload []byte, err error) {
	if len(out) < 4 {
		return nil, nil, fmt.Errorf("the frame has %d bytes; at least 4 are needed", len(out))
	}
	n := binary.LittleEndian.Uint32(out)
	out = out[4:]
	if n > maxState || int(n) > len(out) {
		return nil, nil, fmt.Errorf("the state has %d bytes; at most %d are kept, and %d follow", n, maxState, len(out))
	}
	return out[:n], out[n:], nil
}

// splitLines splits a payload and checks with read that every line is what the contract
// allows.
func splitLines(payload []byte, read func([]byte) (reply, error)) ([][]byte, error) {
	var lines [][]byte
	for len(payload) > 0 {
		line, rest, _ := bytes.Cut(payload, []byte{'\n'})
		payload = rest
		if len(line) == 0 {
			continue
		}
		if string(line) != streamDone {
			if _, err := read(line); err != nil {
				return nil, fmt.Errorf("line %d: %w", len(lines)+1, err)
			}
		}
		lines = append(lines, line)
	}
	return lines, nil
}
