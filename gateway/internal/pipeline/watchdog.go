package pipeline

import (
	"context"
	"sync/atomic"
	"time"
)

// watchdog cancels an attempt that has been silent for too long. Feeding it costs
// one atomic store: the timer looks at the time of the last feeding when it fires
// and goes back to sleep if that was recent.
type watchdog struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	// fed is when the attempt was last heard of, limit how long it may be silent;
	// both in nanoseconds, fed since start.
	start time.Time
	fed   atomic.Int64
	limit atomic.Int64
	// cause makes the error that the attempt dies of; most never do.
	cause atomic.Pointer[func() error]
}

// newWatchdog starts watching. Its ctx dies of cause's error after limit without
// feeding.
func newWatchdog(parent context.Context, limit time.Duration, cause func() error) *watchdog {
	w := &watchdog{start: time.Now()}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	w.limit.Store(int64(limit))
	w.cause.Store(&cause)
	w.timer = time.AfterFunc(limit, w.look)
	return w
}

// look runs when the timer fires.
func (w *watchdog) look() {
	silent := time.Since(w.start) - time.Duration(w.fed.Load())
	left := time.Duration(w.limit.Load()) - silent
	if left <= 0 {
		w.cancel((*w.cause.Load())())
		return
	}
	w.timer.Reset(left)
}

// feed says that something was heard.
func (w *watchdog) feed() { w.fed.Store(int64(time.Since(w.start))) }

// reset changes what is watched for, from now on.
func (w *watchdog) reset(limit time.Duration, cause func() error) {
	w.feed()
	w.cause.Store(&cause)
	w.limit.Store(int64(limit))
	w.timer.Reset(limit)
}

// pause stops watching until the next reset.
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
