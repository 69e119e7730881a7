package module

import (
	"context"
)

// carrier carries the state of a stream from one call of an event hook to the next, so
// that any instance of the module serves any stream. One goroutine uses it at a time.
type carrier struct {
	module *Module
	hook   Hook
	seed   uint64
	state  []byte
	in     []byte
	out    []byte
}

// turn makes the call for one event and returns the payload, which is valid until the
// next turn. The error is the call's, or a fault about the frame.
func (c *carrier) turn(ctx context.Context, name string, data []byte) ([]byte, error) {
	c.in = appendFrame(c.in[:0], c.state, name, data)
	out, _, err := c.module.Call(ctx, c.hook, c.seed, c.in, c.out[:0])
	if err != nil {
		return nil, err
	}
	if c.out = out; len(out) == 0 {
		return nil, nil
	}
	state, payload, err := splitFrame(out)
	if err != nil {
		return nil, c.nonsense(err)
	}
	c.state = append(c.state[:0], state...)
	return payload, nil
}

func (c *carrier) nonsense(err error) *Fault { return c.module.nonsense(c.hook, err) }
