package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// How often an issuer's keys are fetched, and for how long they are used.
const (
	// fetchEvery is the least time between two fetches, whatever callers send, retryEvery that
	// after one that failed.
	fetchEvery = 10 * time.Second
	retryEvery = 2 * time.Second
	// maxStale is how long keys are used while no new ones can be had.
	maxStale = 24 * time.Hour
	// logEvery is the least time between two lines of the log about one issuer.
	logEvery = time.Minute
	// maxWait is how long a request waits for keys.
	maxWait = 5 * time.Second
	// maxWaiting is how many requests wait at once. Nobody knows yet who sends them.
	maxWaiting = 256
	// fetchTime is how long fetching them may take.
	fetchTime = 10 * time.Second
)

// keyring holds an issuer's keys and fetches them anew. It is safe for concurrent use.
type keyring struct {
	name  string
	log   *slog.Logger
	now   func() time.Time
	fetch func(context.Context) (*keySet, time.Duration, error) // nil for fixed keys
	wait  time.Duration

	ctx  context.Context // ends the fetch; stored because fetches outlast the requests that start them
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu  sync.Mutex
	set *keySet // nil until there are keys
	// fetched is when set was last confirmed, fresh until when it need not be again.
	fetched, fresh time.Time
	// tried is when the last fetch began, and err why it failed.
	tried time.Time
	err   error
	// running is closed when the running fetch ends; nil if there is none.
	running chan struct{}
	// waiting counts the requests that wait for it.
	waiting int
	logged  time.Time
	// refreshes and failures count the fetches that succeeded and those that did not.
	refreshes, failures int64
}

func newKeyring(o Options, log *slog.Logger, now func() time.Time) (*keyring, error) {
	k := &keyring{name: o.Name, log: log, now: now, wait: maxWait}
	k.ctx, k.stop = context.WithCancel(context.Background())
	if o.Keys != nil {
		var err error
		if k.set, err = parseKeys(o.Keys); err != nil {
			return nil, fmt.Errorf("its keys_file cannot be used: %w", err)
		}
		return k, nil
	}
	s, err := newSource(o)
	if err != nil {
		return nil, err
	}
	k.fetch = s.keys
	return k, nil
}

// close ends a running fetch and returns when it has ended. No further one is begun.
func (k *keyring) close() {
	k.mu.Lock() // else one could be started after the wait has begun
	k.stop()
	k.mu.Unlock()
	k.wg.Wait()
}

// current returns the keys, or nil when there are none or they are too old. It starts to fetch
// them when that is due and does not wait.
func (k *keyring) current(now time.Time) *keySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fetch == nil {
		return k.set
	}
	if k.set == nil || !now.Before(k.fresh) {
		k.start(now)
	}
	if k.set == nil || now.Sub(k.fetched) > maxStale {
		return nil
	}
	return k.set
}

// refresh fetches the keys, or waits for the fetch that runs. It returns why there are no newer
// keys: a fetch that failed. One that began less than fetchEvery ago is not repeated.
func (k *keyring) refresh(ctx context.Context, now time.Time) error {
	k.mu.Lock()
	if k.fetch == nil {
		k.mu.Unlock()
		return nil
	}
	k.start(now)
	running, err := k.running, k.err
	if running != nil && k.waiting >= maxWaiting {
		running, err = nil, errTooMany
	}
	if running == nil {
		k.mu.Unlock()
		return err
	}
	k.waiting++
	k.mu.Unlock()
	err = k.await(ctx, running)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting--
	if err != nil {
		return err
	}
	return k.err
}

var errTooMany = fmt.Errorf("%d requests wait for the keys already", maxWaiting)

// await waits for a fetch to end, for a bounded time.
func (k *keyring) await(ctx context.Context, running <-chan struct{}) error {
	timer := time.NewTimer(k.wait)
	defer timer.Stop()
	select {
	case <-running:
		return nil
	case <-timer.C:
		return fmt.Errorf("no keys after %s", k.wait)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// start begins a fetch, unless one runs or the last one is too recent. The lock is held.
func (k *keyring) start(now time.Time) {
	least := fetchEvery
	if k.err != nil {
		least = retryEvery
	}
	since := now.Sub(k.tried)
	if k.running != nil || since < least && since > -least { // else the clock was set back
		return
	}
	if k.ctx.Err() != nil {
		k.err = errClosed
		return
	}
	k.tried, k.running = now, make(chan struct{})
	k.wg.Go(k.run)
}

var errClosed = errors.New("the gateway stops, or the issuer is no longer configured")

// run fetches the keys once.
func (k *keyring) run() {
	ctx, stop := context.WithTimeout(k.ctx, fetchTime)
	defer stop()
	set, age, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	close(k.running)
	k.running = nil
	k.report(now, err)
	k.err = err
	if err != nil {
		k.failures++
		return
	}
	k.refreshes++
	k.fetched, k.fresh = now, now.Add(age)
	if k.set == nil || k.set.digest != set.digest {
		k.set = set // the same keys stay the same set: what was verified with them stays valid
	}
}

// report logs a fetch that failed, at most once in logEvery, and the first that succeeds after
// it. The lock is held.
func (k *keyring) report(now time.Time, err error) {
	switch {
	case k.ctx.Err() != nil:
	case err != nil && (k.logged.IsZero() || now.Sub(k.logged) >= logEvery):
		k.logged = now
		k.log.Warn("an issuer's keys cannot be fetched", "issuer", k.name, "err", err, "have_keys", k.set != nil)
	case err == nil && k.err != nil:
		k.log.Info("an issuer's keys can be fetched again", "issuer", k.name)
	}
}
