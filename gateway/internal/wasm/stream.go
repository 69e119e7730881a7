package wasm

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// carrier carries the state of a stream from one call of an event hook to the next, so
// that any instance of the module serves any stream. One goroutine uses it at a time.
type carrier struct {
	module *Module
	hook   hook.Hook
	seed   uint64
	state  []byte
	in     []byte
	out    []byte
}

// answer is what an event hook made of one event. It is valid until the next one.
type answer struct {
	// silent says that it had no opinion, so that the state stays as it is.
	silent         bool
	state, payload []byte
	fuel           int64
}

// ask makes the call for one event. The error is the call's, or a fault about the frame.
func (c *carrier) ask(ctx context.Context, name string, data []byte) (answer, error) {
	c.in = hook.AppendFrame(c.in[:0], c.state, name, hook.Clean(data))
	out, fuel, err := c.module.Call(ctx, c.hook, c.seed, c.in, c.out[:0])
	a := answer{silent: true, fuel: fuel}
	if err != nil {
		return a, err
	}
	if c.out = out; len(out) == 0 {
		return a, nil
	}
	a.silent = false
	if a.state, a.payload, err = hook.SplitFrame(out); err != nil {
		return a, c.nonsense(err)
	}
	return a, nil
}

// keep has the next event find this answer's state.
func (c *carrier) keep(a answer) {
	if !a.silent {
		c.state = append(c.state[:0], a.state...)
	}
}

// turn asks, keeps the state and returns the payload.
func (c *carrier) turn(ctx context.Context, name string, data []byte) ([]byte, error) {
	a, err := c.ask(ctx, name, data)
	if err != nil {
		return nil, err
	}
	c.keep(a)
	return a.payload, nil
}

func (c *carrier) nonsense(err error) *hook.Fault { return c.module.nonsense(c.hook, err) }
