package pipeline

import (
	"sync"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// queuedSink is the sink of a reply that others follow. While they do, a goroutine writes to the
// caller, so that a caller who reads slowly holds up nobody else, unless more than maxQueued
// bytes wait for it.
type queuedSink struct {
	sink
	followed func() bool

	mu sync.Mutex
	// changed is for each change of what follows.
	changed sync.Cond
	// queue is what has not been written, in all bytes.
	queue []llm.Event
	bytes int
	// writing says that the goroutine runs.
	writing bool
	err     error
}

// maxQueued bounds what waits to be written, in bytes: far more than the reply of a model.
const maxQueued = 4 << 20

// queued returns the sink for a reply that others may follow. stop must be called: it waits
// until all is written.
func (x *state) queued(w sink) (out sink, stop func()) {
	if x.record.Cache != llm.CacheMiss || !x.route.CacheCoalesce {
		return w, func() {}
	}
	a := &queuedSink{sink: w, followed: x.slot.Followed}
	a.changed.L = &a.mu
	return a, a.wait
}

// Event implements sink. The error may be that of an event before.
func (a *queuedSink) Event(e llm.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.writing && (a.err != nil || !a.followed()) {
		if a.err == nil {
			a.err = a.sink.Event(e)
		}
		return a.err
	}
	for a.bytes > maxQueued {
		a.changed.Wait()
	}
	more := e.More
	e = cloneEvent(e)
	e.More = more
	a.queue = append(a.queue, e)
	a.bytes += len(e.Frame) + eventBytes
	if !a.writing {
		a.writing = true
		go a.write()
	}
	for e.Final && a.writing {
		a.changed.Wait()
	}
	return a.err
}

// write writes the queue until it is empty, or the caller is gone.
func (a *queuedSink) write() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.queue) > 0 && a.err == nil {
		e := a.queue[0]
		a.queue = a.queue[1:]
		a.mu.Unlock()
		err := a.sink.Event(e)
		a.mu.Lock()
		a.err = err
		a.bytes -= len(e.Frame) + eventBytes
		a.changed.Broadcast()
	}
	a.writing, a.queue, a.bytes = false, nil, 0
	a.changed.Broadcast()
}

// wait waits until nothing is being written.
func (a *queuedSink) wait() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.writing {
		a.changed.Wait()
	}
}
