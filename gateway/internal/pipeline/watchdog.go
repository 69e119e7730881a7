package pipeline

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// watchdog cancels an attempt of which nothing is heard, or that makes no progress, for
// too long. Telling it of either costs one atomic store: the timer looks at the times
// when it fires and goes back to sleep if they were recent.
type watchdog struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	// heard is when the last byte came, moved when the reply last made progress, both in
	// nanoseconds since start.
	start        time.Time
	heard, moved atomic.Int64
	// resting is since when nobody reads, because the caller is being written to; 0 while
	// somebody does.
	resting atomic.Int64
	limits  atomic.Pointer[watchLimits]
}

// watchLimits bound the time without any byte and the time without progress. Each has
// the error that the attempt ends with.
type watchLimits struct {
	silence, standstill time.Duration
	silent, stuck       func() error
}

// unlimited is a limit that is never reached.
const unlimited = time.Duration(1<<63 - 1)

// newWatchdog starts watching: until follow is called, only progress counts.
func newWatchdog(parent context.Context, limit time.Duration, stuck func() error) *watchdog {
	w := &watchdog{start: time.Now()}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	w.limits.Store(&watchLimits{silence: unlimited, standstill: limit, stuck: stuck})
	w.timer = time.AfterFunc(unlimited, w.look)
	w.timer.Reset(limit) // from here on: look reads the field
	return w
}

// follow changes the limits, from now on.
func (w *watchdog) follow(l watchLimits) {
	w.hear()
	w.progress()
	w.limits.Store(&l)
	w.timer.Reset(min(l.silence, l.standstill))
}

// rest begins a time that is not the target's: it can't be heard of while nobody reads.
func (w *watchdog) rest() { w.resting.Store(max(int64(time.Since(w.start)), 1)) }

// resume ends such a time.
func (w *watchdog) resume() {
	if since := w.resting.Swap(0); since > 0 {
		rested := int64(time.Since(w.start)) - since
		w.heard.Add(rested)
		w.moved.Add(rested)
	}
}

// look runs when the timer fires.
func (w *watchdog) look() {
	l, now := w.limits.Load(), time.Since(w.start)
	if w.resting.Load() > 0 {
		w.timer.Reset(min(l.silence, l.standstill))
		return
	}
	silence := l.silence - (now - time.Duration(w.heard.Load()))
	standstill := l.standstill - (now - time.Duration(w.moved.Load()))
	switch {
	case silence <= 0:
		w.cancel(l.silent())
	case standstill <= 0:
		w.cancel(l.stuck())
	default:
		w.timer.Reset(min(silence, standstill))
	}
}

// hear notes that something came, progress that it carried the reply on.
func (w *watchdog) hear()     { w.heard.Store(int64(time.Since(w.start))) }
func (w *watchdog) progress() { w.moved.Store(int64(time.Since(w.start))) }

// pause stops watching until follow is called.
func (w *watchdog) pause() { w.timer.Stop() }

// stop ends the watch and releases the attempt's context.
func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(context.Canceled)
}

// explain replaces an error by the reason for which the attempt was cancelled, if
// it was.
func (w *watchdog) explain(err error) error {
	if cause := context.Cause(w.ctx); cause != nil && cause != context.Canceled {
		return cause
	}
	return err
}

// watched is a body whose every byte the watchdog hears.
type watched struct {
	io.ReadCloser
	dog *watchdog
}

// Read implements io.Reader.
func (b watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.dog.hear()
	}
	return n, err
}
