package wasm

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// streamState keeps the state of a stream between the calls of an event hook, so that any
// instance of the module serves any stream. One goroutine uses it at a time.
type streamState struct {
	module *Module
	hook   hook.Hook
	seed   uint64
	state  []byte
	in     []byte
	out    []byte
}

// eventResult is what an event hook returned for one event. It is valid until the next call.
type eventResult struct {
	// noOpinion reports that the result was empty, so that the state stays as it is.
	noOpinion      bool
	state, payload []byte
	fuel           int64
}

// call makes the call for one event. The error is the call's, or a fault for a bad frame.
func (s *streamState) call(ctx context.Context, name string, data []byte) (eventResult, error) {
	s.in = hook.AppendFrame(s.in[:0], s.state, name, hook.Clean(data))
	out, fuel, err := s.module.Call(ctx, s.hook, s.seed, s.in, s.out[:0])
	r := eventResult{noOpinion: true, fuel: fuel}
	if err != nil {
		return r, err
	}
	if s.out = out; len(out) == 0 {
		return r, nil
	}
	r.noOpinion = false
	if r.state, r.payload, err = hook.SplitResult(s.hook, out); err != nil {
		return r, s.invalidResult(err)
	}
	return r, nil
}

// setState keeps a result's state for the next call.
func (s *streamState) setState(r eventResult) {
	if !r.noOpinion {
		s.state = append(s.state[:0], r.state...)
	}
}

// next makes the call for one event, keeps the state and returns the payload.
func (s *streamState) next(ctx context.Context, name string, data []byte) ([]byte, error) {
	r, err := s.call(ctx, name, data)
	if err != nil {
		return nil, err
	}
	s.setState(r)
	return r.payload, nil
}

func (s *streamState) invalidResult(err error) *hook.Fault {
	return s.module.invalidResult(s.hook, err)
}
