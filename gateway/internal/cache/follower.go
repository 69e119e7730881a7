package cache

import (
	"context"
	"io"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// follower reads the reply of a flight, from its first event on. It never holds up the
// flight: one that falls behind by more than the log holds gets errSlow.
type follower struct {
	slot   *Slot
	flight *flight
	next   int
}

// Next implements llm.Stream.
func (r *follower) Next() (llm.Event, error) {
	for {
		ev, changed, err := r.read()
		if changed == nil {
			return ev, err
		}
		select {
		case <-changed:
		case <-r.slot.ctx.Done():
			return llm.Event{}, context.Cause(r.slot.ctx)
		}
	}
}

// read returns the next event, or what is closed when there may be one.
func (r *follower) read() (ev llm.Event, changed <-chan struct{}, err error) {
	f := r.flight
	f.mu.Lock()
	defer f.mu.Unlock()
	ev, ok := f.at(r.next)
	switch {
	case r.next < f.first:
		return ev, nil, errSlow
	case ok:
		r.next++
		_, ev.More = f.at(r.next)
		return ev, nil, nil
	case f.ended:
		return ev, nil, f.err
	}
	return ev, f.wait(), nil
}

// at returns the event with a number, if the log has it. It needs mu.
func (f *flight) at(n int) (llm.Event, bool) {
	n -= f.first
	for _, e := range [...]*Entry{f.older, f.newer} {
		if n >= 0 && n < len(e.events) {
			return e.at(n), true
		}
		n -= len(e.events)
	}
	return llm.Event{}, false
}

// Info implements llm.Stream. It has only what is known from the start until all events have
// been read.
func (r *follower) Info() llm.ReplyInfo {
	f := r.flight
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, more := f.at(r.next); more || f.err != io.EOF {
		return llm.ReplyInfo{}
	}
	return f.info
}

// Close implements llm.Stream.
func (r *follower) Close() error {
	r.slot.leave()
	return nil
}
