package upstream

import (
	"sync"
	"time"
)

// RetryBudget bounds retries and fallbacks of the whole gateway to a share of its
// traffic, so that an outage is not answered with a multiple of the load. It is a token
// bucket: each request adds a part of a retry, each retry takes one. It is safe for
// concurrent use.
type RetryBudget struct {
	now func() time.Time

	mu            sync.Mutex // for what follows
	o             RetryBudgetOptions
	level         float64 // in retries, at most o.Burst
	filled        time.Time
	taken, denied uint64
}

// RetryBudgetOptions set the bounds. None may be negative; zero means none.
type RetryBudgetOptions struct {
	// Share is how many retries each request allows.
	Share float64
	// PerSecond is how many retries are allowed whatever the traffic.
	PerSecond float64
	// Burst is how many unused retries are kept.
	Burst int
}

// RetryBudgetState is what is left of a budget, and what was asked of it since the start.
type RetryBudgetState struct {
	Left          float64
	Taken, Denied uint64
}

// NewRetryBudget makes a full bucket. now is its clock.
func NewRetryBudget(o RetryBudgetOptions, now func() time.Time) *RetryBudget {
	return &RetryBudget{now: now, o: o, level: float64(o.Burst), filled: now()}
}

// Set changes the bounds. What is left stays, up to the new burst.
func (b *RetryBudget) Set(o RetryBudgetOptions) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(0)
	b.o = o
	b.fill(0)
}

// Deposit adds the share of one client request.
func (b *RetryBudget) Deposit() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(b.o.Share)
}

// Withdraw takes one retry and reports whether there was one.
func (b *RetryBudget) Withdraw() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(0)
	if b.level < 1-1e-9 { // shares such as 0.1 do not add up exactly
		b.denied++
		return false
	}
	b.level = max(b.level-1, 0)
	b.taken++
	return true
}

// State returns what is left, and what was asked for.
func (b *RetryBudget) State() RetryBudgetState {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(0)
	return RetryBudgetState{b.level, b.taken, b.denied}
}

// fill adds the retries for the time since it last did, and more.
func (b *RetryBudget) fill(more float64) {
	now := b.now()
	more += max(now.Sub(b.filled), 0).Seconds() * b.o.PerSecond
	b.level, b.filled = min(b.level+more, float64(b.o.Burst)), now
}
