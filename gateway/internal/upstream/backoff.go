package upstream

import (
	"sync/atomic"
	"time"
)

// Backoff returns the pause before another try: it doubles from low to at most high,
// less a random part of up to half, so that callers do not retry at the same moment.
// try counts the tries so far, from 1; random gives numbers in [0, 1).
func Backoff(try int, low, high time.Duration, random func() float64) time.Duration {
	d := low
	for i := 1; i < try && d < high; i++ {
		d *= 2
	}
	d = min(d, high)
	if d <= 0 {
		return 0
	}
	return d - time.Duration(random()*float64(d)/2)
}

// RetryBudget bounds retries and fallbacks of the whole gateway to a share of its
// traffic, so that an outage is not answered with a multiple of the load. It is a token
// bucket: each request adds a part of a retry, each retry takes one. It is safe for
// concurrent use.
type RetryBudget struct {
	now              func() time.Time
	share, perSecond int64 // in thousandths of a retry
	size             int64
	level, filled    atomic.Int64 // filled is in Unix nanoseconds
}

// RetryBudgetOptions set the bounds. Zero values mean the defaults.
type RetryBudgetOptions struct {
	// Share is how many retries each request allows. Zero means 0.2.
	Share float64
	// PerSecond is how many retries are allowed whatever the traffic. Zero means 10.
	PerSecond float64
	// Burst is how many unused retries are kept. Zero means 100.
	Burst int
}

// NewRetryBudget makes a full bucket. now is its clock.
func NewRetryBudget(o RetryBudgetOptions, now func() time.Time) *RetryBudget {
	if o.Share <= 0 {
		o.Share = 0.2
	}
	if o.PerSecond <= 0 {
		o.PerSecond = 10
	}
	if o.Burst <= 0 {
		o.Burst = 100
	}
	b := &RetryBudget{now: now, share: int64(o.Share * 1000), perSecond: int64(o.PerSecond * 1000), size: int64(o.Burst) * 1000}
	b.level.Store(b.size)
	b.filled.Store(now().UnixNano())
	return b
}

// Deposit adds the share of one client request.
func (b *RetryBudget) Deposit() {
	if b.level.Load() < b.size {
		b.level.Add(b.share)
	}
}

// Withdraw takes one retry and reports whether there was one.
func (b *RetryBudget) Withdraw() bool {
	b.fill()
	for {
		level := b.level.Load()
		if level < 1000 {
			return false
		}
		if b.level.CompareAndSwap(level, min(level, b.size)-1000) {
			return true
		}
	}
}

// fill adds the retries for the time since it last did.
func (b *RetryBudget) fill() {
	last, now := b.filled.Load(), b.now().UnixNano()
	ms := (now - last) / int64(time.Millisecond)
	add := min(ms, time.Hour.Milliseconds()) * b.perSecond / 1000
	if add <= 0 || !b.filled.CompareAndSwap(last, last+ms*int64(time.Millisecond)) {
		return
	}
	b.level.Add(min(add, b.size))
}
