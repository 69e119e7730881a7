package wasm

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A module that faults this often within this time is left alone for a while.
const (
	breakAfter  = 5
	breakWithin = 30 * time.Second
	breakFor    = 60 * time.Second
)

// breaker disables a module that keeps failing. After the pause the module is on
// probation: one more fault disables it again, one good answer restores it.
type breaker struct {
	// until is the end of the pause in Unix nanoseconds, 0 when there is none; it is
	// read on every call, so it needs no lock.
	until     atomic.Int64
	probation atomic.Bool

	mu     sync.Mutex
	faults [breakAfter]time.Time // a ring: next is the oldest
	next   int
	last   string
}

// blocked says why the module may not be called; empty when it may.
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

// good notes an answer that made sense.
func (b *breaker) good() {
	if b.probation.Load() {
		b.probation.Store(false)
	}
}

// fault notes a failure.
func (b *breaker) fault(now time.Time, why string) {
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
