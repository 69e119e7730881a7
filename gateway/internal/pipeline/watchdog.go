package pipeline

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// watchdog cancels an attempt that receives no byte, or makes no progress, for too long.
// Noting either costs one atomic store: when the timer fires, it reads the times, and is set
// again if they are recent.
type watchdog struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	// lastByte and lastProgress are when the last byte came and when the reply last made
	// progress, both in nanoseconds since start.
	start                  time.Time
	lastByte, lastProgress atomic.Int64
	// suspended is since when the reply is not read, because the caller is being written to;
	// 0 while it is read.
	suspended atomic.Int64
	// away is how long it was suspended in all, in nanoseconds.
	away atomic.Int64
	// mu orders changes of the limits, their being exceeded, and the end of the watch.
	mu     sync.Mutex
	limits watchLimits
	// over says that the timer is not set any more: a check that runs when the watch ends would
	// set it for a request that is over.
	over bool
}

// watchLimits bound the time without any byte, and the time without progress while only
// pings come. Each has the error that the attempt ends with.
type watchLimits struct {
	idle, pingIdle           time.Duration
	idleError, pingIdleError func() error
}

// unlimited is a limit that is never reached.
const unlimited = time.Duration(1<<63 - 1)

// newWatchdog starts watching. Until follow is called, only the first content counts, which
// must come within the limit.
func newWatchdog(parent context.Context, limit time.Duration, late func() error) *watchdog {
	w := &watchdog{start: time.Now()}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	w.limits = watchLimits{idle: unlimited, pingIdle: limit, pingIdleError: late}
	w.timer = time.AfterFunc(unlimited, w.check)
	w.timer.Reset(limit) // from here on: check reads the field
	return w
}

// follow sets the limits from now on. It reports false if one was exceeded before.
func (w *watchdog) follow(l watchLimits) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.received()
	w.progressed()
	w.limits = l
	w.checkIn(min(l.idle, l.pingIdle))
	return w.ctx.Err() == nil
}

// limitIdle bounds the time without any byte from now on, beside the limit that there is.
func (w *watchdog) limitIdle(idle time.Duration, late func() error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.received()
	w.limits.idle, w.limits.idleError = idle, late
	w.checkIn(0) // it finds the time that is left
}

// checkIn sets the timer, unless the watch is over. The caller holds mu.
func (w *watchdog) checkIn(d time.Duration) {
	if !w.over {
		w.timer.Reset(d)
	}
}

// suspend begins a time that does not count: no byte arrives while the reply is not read.
func (w *watchdog) suspend() { w.suspended.Store(max(int64(time.Since(w.start)), 1)) }

// resume ends such a time.
func (w *watchdog) resume() {
	if since := w.suspended.Swap(0); since > 0 {
		away := int64(time.Since(w.start)) - since
		w.lastByte.Add(away)
		w.lastProgress.Add(away)
		w.away.Add(away)
	}
}

// held returns for how long the reply was not read, before the present suspension.
func (w *watchdog) held() time.Duration { return time.Duration(w.away.Load()) }

// check runs when the timer fires.
func (w *watchdog) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	l, now := &w.limits, time.Since(w.start)
	if w.suspended.Load() > 0 {
		w.checkIn(min(l.idle, l.pingIdle))
		return
	}
	idle := l.idle - (now - time.Duration(w.lastByte.Load()))
	pingIdle := l.pingIdle - (now - time.Duration(w.lastProgress.Load()))
	switch {
	case idle <= 0:
		w.cancel(l.idleError())
	case pingIdle <= 0:
		w.cancel(l.pingIdleError())
	default:
		w.checkIn(min(idle, pingIdle))
	}
}

// received notes that a byte came, progressed that the reply made progress.
func (w *watchdog) received()   { w.lastByte.Store(int64(time.Since(w.start))) }
func (w *watchdog) progressed() { w.lastProgress.Store(int64(time.Since(w.start))) }

// disarm ends the watch. The context stays as it is.
func (w *watchdog) disarm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.timer.Stop()
}

// stop ends the watch and releases the attempt's context.
func (w *watchdog) stop() {
	w.disarm()
	w.cancel(context.Canceled)
}

// explain returns the reason for which the attempt was canceled, if it was, else err.
func (w *watchdog) explain(err error) error {
	if cause := context.Cause(w.ctx); cause != nil && cause != context.Canceled {
		return cause
	}
	return err
}

// watchedBody is a body that notes every byte for the watchdog. began is called at the first
// byte that is more than white space, with which some providers keep a connection alive;
// nil for nothing.
type watchedBody struct {
	io.ReadCloser
	watch *watchdog
	began func()
}

// Read implements io.Reader.
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.watch.received()
	}
	if b.began != nil && len(bytes.TrimSpace(p[:n])) > 0 {
		b.began()
		b.began = nil
	}
	return n, err
}
