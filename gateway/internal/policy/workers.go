package policy

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Workers bound how many evaluations and loads of policies run at once, those included
// that nobody waits for any more: an evaluation that is stuck in one function can't be
// stopped, only left alone. All engines of a process should share one, so that a policy
// that is replaced leaves no more behind than one that stays. Workers are safe for
// concurrent use.
type Workers struct {
	evaluations, loads chan struct{}
	overrunning        atomic.Int64
}

// maxLoads is how many policies may be compiled and tested at once.
const maxLoads = 4

// NewWorkers allows two evaluations for each processor, at least four.
func NewWorkers() *Workers {
	return &Workers{evaluations: make(chan struct{}, max(4, 2*runtime.GOMAXPROCS(0))), loads: make(chan struct{}, maxLoads)}
}

// Overrunning is how many evaluations and loads have passed their time limit and still
// run.
func (w *Workers) Overrunning() int { return int(w.overrunning.Load()) }

// errTimeout says that an evaluation was cut off by its time limit.
var errTimeout = errors.New("evaluation passed its time limit")

// errStuck says that an evaluation has passed its limit and can't be cut off, errBusy
// that such evaluations leave no room for others.
var (
	errStuck = fmt.Errorf("%w and does not stop", errTimeout)
	errBusy  = fmt.Errorf("%w: as many evaluations as may run at once are under way", errTimeout)
)

// maxWait is how long an evaluation waits for its turn.
const maxWait = 2 * time.Second

// bounds are the time that a job has and how it is stopped.
type bounds struct {
	limit time.Duration
	// grace is how long to wait for the job to stop once it was told to.
	grace time.Duration
	stop  func()
}

type outcome[T any] struct {
	result T
	err    error
}

// within runs a job in a goroutine of its own and returns when it is over, or when its
// time is. Then the job goes on unheeded and keeps its place until it ends by itself.
func within[T any](ctx context.Context, w *Workers, places chan struct{}, b bounds, job func() (T, error)) (T, error) {
	var none T
	if err := w.enter(ctx, places); err != nil {
		return none, err
	}
	done := make(chan outcome[T], 1)
	var over atomic.Bool // set by whoever is first: the job that ends or the caller that leaves
	go func() {
		result, err := guarded(job)
		if over.Swap(true) {
			w.overrunning.Add(-1)
		}
		<-places
		done <- outcome[T]{result, err}
	}()
	if o, ok := await(ctx, done, b); ok {
		return o.result, o.err
	}
	w.overrunning.Add(1)
	if over.Swap(true) { // it has ended just now
		w.overrunning.Add(-1)
		o := <-done
		return o.result, o.err
	}
	return none, fmt.Errorf("%w, after %v", errStuck, b.limit)
}

// enter waits for a place.
func (w *Workers) enter(ctx context.Context, places chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case places <- struct{}{}:
		return nil
	default:
	}
	if len(w.evaluations) == cap(w.evaluations) && w.Overrunning() >= cap(w.evaluations) {
		return errBusy // none of them can be expected to end
	}
	patience := time.NewTimer(maxWait)
	defer patience.Stop()
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
		return errBusy
	}
}

// await gives the outcome of a job that ends within its limit or, told to stop, its grace.
func await[T any](ctx context.Context, done chan outcome[T], b bounds) (o outcome[T], ended bool) {
	timer := time.NewTimer(b.limit)
	defer timer.Stop()
	select {
	case o = <-done:
		return o, true
	case <-timer.C:
	case <-ctx.Done():
	}
	b.stop()
	timer.Reset(b.grace)
	select {
	case o = <-done:
		return o, true
	case <-timer.C:
		return o, false
	}
}

// guarded turns a panic into an error: in a goroutine of its own it would end the
// process.
func guarded[T any](job func() (T, error)) (result T, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return job()
}
