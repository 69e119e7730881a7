package wasm

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A module that faults breakAfter times within breakWithin is disabled for breakFor.
const (
	breakAfter  = 5
	breakWithin = 30 * time.Second
	breakFor    = 60 * time.Second
)

// breaker disables a module that keeps faulting. When that time is over, the module is on
// probation: one more fault disables it again, one success ends the probation.
type breaker struct {
	// never is true for the gateway's own module, whose faults would otherwise let one caller
	// disable it for all.
	never bool
	// until is when the module is enabled again, in Unix nanoseconds, 0 when it is enabled. It
	// is read on every call, hence without the lock.
	until     atomic.Int64
	probation atomic.Bool

	mu     sync.Mutex
	faults [breakAfter]time.Time // a ring: next is the oldest
	next   int
	last   string
}

// blocked returns why the module is disabled; empty when it is not.
func (b *breaker) blocked(now time.Time) string {
	until := b.until.Load()
	if until == 0 {
		return ""
	}
	if now.UnixNano() >= until {
		b.probation.Store(true)
		b.until.CompareAndSwap(until, 0)
		return ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("disabled until %s after repeated faults, the last: %s",
		time.Unix(0, until).UTC().Format(time.TimeOnly+"Z"), b.last)
}

// succeeded records a valid result.
func (b *breaker) succeeded() {
	if b.probation.Load() {
		b.probation.Store(false)
	}
}

// failed records a fault.
func (b *breaker) failed(now time.Time, why string) {
	if b.never {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = why
	b.faults[b.next] = now
	b.next = (b.next + 1) % breakAfter
	oldest := b.faults[b.next]
	often := !oldest.IsZero() && now.Sub(oldest) < breakWithin
	if often || b.probation.Load() {
		b.until.Store(now.Add(breakFor).UnixNano())
		b.probation.Store(false)
		b.faults = [breakAfter]time.Time{}
	}
}
