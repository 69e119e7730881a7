package httpapi

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/bounded"
)

// authThrottle delays the answers to invalid keys, and refuses an address that sends very
// many of them, so that trying keys takes long. A caller with a valid key that is in use who
// shares an attacker's address notices nothing. It is safe for concurrent use.
type authThrottle struct {
	failures bounded.Map[string, failures] // by address
	// delayed has room for the answers that are delayed at once.
	delayed chan struct{}

	mu sync.Mutex
	// unlogged counts the failures since the last line of the log.
	unlogged   int
	lastLogged time.Time
}

// failures counts the invalid keys from an address, less one for each second since.
type failures struct {
	n    float64
	last time.Time
}

const (
	// freeFailures is how many invalid keys an address may send before it is slowed down.
	freeFailures = 30
	// delayPerFailure is added with each further one, up to maxDelay.
	delayPerFailure = 20 * time.Millisecond
	maxDelay        = time.Second
	// maxFailures is how many it may send before it is refused without a look at its keys,
	// except for those that are known; then one a second.
	maxFailures = 100
	// maxAddresses is how many addresses are remembered.
	maxAddresses = 4096
	// maxDelayed is how many answers may be delayed at once; beyond it they are sent
	// immediately, because each takes a connection.
	maxDelayed = 256
	// failureLogInterval is the least time between two lines of the log.
	failureLogInterval = 10 * time.Second
)

func newAuthThrottle() *authThrottle {
	return &authThrottle{failures: bounded.Map[string, failures]{Max: maxAddresses}, delayed: make(chan struct{}, maxDelayed)}
}

// fail counts an invalid key and returns how long its answer should be delayed.
func (t *authThrottle) fail(addr string, now time.Time) (delay time.Duration) {
	t.failures.Update(addr, func(f failures) failures {
		f = failures{f.remaining(now) + 1, now}
		delay = time.Duration((f.n - freeFailures) * float64(delayPerFailure))
		return f
	})
	return min(max(delay, 0), maxDelay)
}

// blocked returns how long an address has to wait before an unknown key of it is looked at;
// 0 when it has not.
func (t *authThrottle) blocked(addr string, now time.Time) time.Duration {
	f, _ := t.failures.Get(addr)
	over := f.remaining(now) + 1 - maxFailures
	if over <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(over)) * time.Second
}

// remaining returns the count as it has decayed by now.
func (f failures) remaining(now time.Time) float64 { return max(f.n-now.Sub(f.last).Seconds(), 0) }

// wait delays an answer, unless too many are delayed already or the client is gone.
func (t *authThrottle) wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case t.delayed <- struct{}{}:
		defer func() { <-t.delayed }()
	default:
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// toLog counts a failure for the log, and returns how many a line should report now; 0
// for no line.
func (t *authThrottle) toLog(now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unlogged++
	if !t.lastLogged.IsZero() && now.Sub(t.lastLogged) < failureLogInterval {
		return 0
	}
	n := t.unlogged
	t.unlogged, t.lastLogged = 0, now
	return n
}
