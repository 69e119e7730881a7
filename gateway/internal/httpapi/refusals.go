package httpapi

import (
	"context"
	"sync"
	"time"
)

// The reasons that Options.Refused is told.
const (
	// RefusedMissing is for callers who showed no key where one is needed.
	RefusedMissing = "missing"
	// RefusedBad is for callers whose key is not known, revoked, expired or unreadable.
	RefusedBad = "bad"
)

// refusals remembers where keys that are not good come from, so that trying many of
// them takes long. Only the answer to such a key waits: whoever shares the address with
// an attacker and has a good key notices nothing. It is safe for concurrent use.
type refusals struct {
	mu   sync.Mutex
	from map[string]tries
	// untold is how many refusals have not been logged, told when some last were.
	untold int
	told   time.Time
	// waiting has room for the answers that are held back.
	waiting chan struct{}
}

// tries is how many bad keys an address has shown, less one for each second since.
type tries struct {
	n    float64
	last time.Time
}

const (
	// freeTries is how many bad keys an address may show before it is slowed down.
	freeTries = 30
	// pausePerTry is added with each further one, up to longestPause.
	pausePerTry  = 20 * time.Millisecond
	longestPause = time.Second
	// maxAddresses bounds the table.
	maxAddresses = 4096
	// maxWaiting is how many answers may be held back at once; beyond it they are given
	// without delay, because each takes a connection.
	maxWaiting = 256
	// tellEvery is the least time between two lines of the log.
	tellEvery = 10 * time.Second
)

func newRefusals() *refusals {
	return &refusals{from: map[string]tries{}, waiting: make(chan struct{}, maxWaiting)}
}

// pause counts a bad key and gives how long its answer should wait.
func (f *refusals) pause(from string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, ok := f.from[from]
	if !ok && len(f.from) >= maxAddresses {
		f.forget(now)
	}
	t = tries{t.left(now) + 1, now}
	f.from[from] = t
	return min(max(time.Duration((t.n-freeTries)*float64(pausePerTry)), 0), longestPause)
}

// left is what is still held against an address.
func (t tries) left(now time.Time) float64 { return max(t.n-now.Sub(t.last).Seconds(), 0) }

// forget drops one address: of a few, the one with the least against it. Which ones are
// looked at is chance.
func (f *refusals) forget(now time.Time) {
	least, victim, looked := 0.0, "", 0
	for from, t := range f.from {
		if n := t.left(now); looked == 0 || n < least {
			least, victim = n, from
		}
		if looked++; looked == 8 {
			break
		}
	}
	delete(f.from, victim)
}

// wait holds back an answer, unless too many wait already or nobody waits for it.
func (f *refusals) wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case f.waiting <- struct{}{}:
		defer func() { <-f.waiting }()
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

// toTell counts a refusal for the log, and gives how many a line should now speak of; 0
// for none.
func (f *refusals) toTell(now time.Time) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.untold++
	if !f.told.IsZero() && now.Sub(f.told) < tellEvery {
		return 0
	}
	n := f.untold
	f.untold, f.told = 0, now
	return n
}
