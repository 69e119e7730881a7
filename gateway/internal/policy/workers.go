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

// Workers bound how many evaluations and loads of policies run at once, detached ones
// included: an evaluation that is stuck in one function cannot be stopped. All engines of a
// process should share one, so that a replaced policy counts as well. Workers are safe for
// concurrent use.
type Workers struct {
	evaluations, loads chan struct{}
	overrunning        atomic.Int64
}

// maxLoads bounds how many policies are compiled and tested at once.
const maxLoads = 4

// NewWorkers allows two evaluations per processor, at least four.
func NewWorkers() *Workers {
	return &Workers{evaluations: make(chan struct{}, max(4, 2*runtime.GOMAXPROCS(0))), loads: make(chan struct{}, maxLoads)}
}

// Overrunning returns how many evaluations and loads have exceeded their time limit and
// still run.
func (w *Workers) Overrunning() int { return int(w.overrunning.Load()) }

// errTimeout is the error of an evaluation that exceeded its time limit.
var errTimeout = errors.New("evaluation exceeded its time limit")

// errStuck is the error of an evaluation that does not stop at its limit, errBusy that of
// one for which there is no free worker.
var (
	errStuck = fmt.Errorf("%w and does not stop", errTimeout)
	errBusy  = fmt.Errorf("%w: all workers are busy", errTimeout)
)

// maxWait is how long an evaluation waits for a worker.
const maxWait = 2 * time.Second

// bounds are the time limit of a job and how to stop it.
type bounds struct {
	limit time.Duration
	// grace is how long to wait for the job to end after stop.
	grace time.Duration
	stop  func()
}

type outcome[T any] struct {
	result T
	err    error
}

// within runs a job in a goroutine of its own and returns when it ends or its time is over.
// In that case the job runs on detached and keeps its slot until it ends.
func within[T any](ctx context.Context, w *Workers, slots chan struct{}, b bounds, job func() (T, error)) (T, error) {
	var none T
	if err := w.acquire(ctx, slots); err != nil {
		return none, err
	}
	done := make(chan outcome[T], 1)
	var finished atomic.Bool // set by the first: the job that ends or the caller that leaves
	go func() {
		result, err := guarded(job)
		if finished.Swap(true) {
			w.overrunning.Add(-1)
		}
		<-slots
		done <- outcome[T]{result, err}
	}()
	if o, ok := await(ctx, done, b); ok {
		return o.result, o.err
	}
	w.overrunning.Add(1)
	if finished.Swap(true) { // it has ended just now
		w.overrunning.Add(-1)
		o := <-done
		return o.result, o.err
	}
	return none, fmt.Errorf("%w, after %v", errStuck, b.limit)
}

// acquire waits for a slot.
func (w *Workers) acquire(ctx context.Context, slots chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case slots <- struct{}{}:
		return nil
	default:
	}
	if len(w.evaluations) == cap(w.evaluations) && w.Overrunning() >= cap(w.evaluations) {
		return errBusy // none of them is expected to end
	}
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errBusy
	}
}

// await returns the outcome of a job that ends within its limit or, once stopped, its
// grace.
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

// guarded returns a panic as an error: in a goroutine of its own it would end the process.
func guarded[T any](job func() (T, error)) (result T, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return job()
}
