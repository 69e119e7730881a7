package remote

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

const (
	// maxFailures is how many calls in a row may fail before the server counts as down.
	maxFailures = 3
	// firstPause and longestPause bound the time between two tries of a server that is down.
	firstPause, longestPause = 250 * time.Millisecond, 5 * time.Second
	// pingTime bounds a try.
	pingTime = time.Second
	// refusalEvery is the least time between two refusals that are logged.
	refusalEvery = time.Minute
)

// link is the connection with the server, and whether it answers.
type link struct {
	options rueidis.ClientOption
	log     *slog.Logger
	// failures counts failed calls since the last that succeeded.
	failures atomic.Int64
	// refusedAt is when a refusal was logged last, in Unix nanoseconds; zero for never.
	refusedAt atomic.Int64
	// lost wakes keep when the server has stopped answering.
	lost chan struct{}

	mu     sync.RWMutex
	client rueidis.Client
	up     bool
}

func (l *link) init(o rueidis.ClientOption, log *slog.Logger) {
	o.DisableCache = true // the cache in memory is in front
	o.DisableRetry = true // a try after the wait helps nobody
	o.Dialer.Timeout = pingTime
	o.ConnWriteTimeout = 5 * time.Second
	o.ReadBufferEachConn, o.WriteBufferEachConn = 64<<10, 64<<10
	l.options, l.log, l.lost = o, log, make(chan struct{}, 1)
}

// use returns the connection, unless the server does not answer.
func (l *link) use() (rueidis.Client, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.client, l.up
}

func (l *link) down() bool {
	_, up := l.use()
	return !up
}

func (l *link) succeeded() { l.failures.Store(0) }

// failed counts a failed call. One that its caller has given up says nothing, and a server that
// refuses a command answers.
func (l *link) failed(err error) {
	if _, ok := rueidis.IsRedisErr(err); ok {
		l.refused(err)
		return
	}
	if errors.Is(err, context.Canceled) || l.failures.Add(1) < maxFailures {
		return
	}
	l.mu.Lock()
	was := l.up
	l.up = false
	l.mu.Unlock()
	if was {
		l.log.Warn("the cache's server does not answer; requests go on without it", slog.Any("err", err))
		select {
		case l.lost <- struct{}{}:
		default:
		}
	}
}

// refused reports that the server refuses a command, such as a write when its memory is full.
func (l *link) refused(err error) {
	now, last := time.Now().UnixNano(), l.refusedAt.Load()
	if (last == 0 || now-last >= int64(refusalEvery)) && l.refusedAt.CompareAndSwap(last, now) {
		l.log.Warn("the cache's server refuses what it is asked; requests go on without that", slog.Any("err", err))
	}
}

// wrongType reports whether an error says that what has a name is no value of a gateway's.
func wrongType(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(e.Error(), "WRONGTYPE")
}

// keep connects, and tries the server again for as long as it does not answer.
func (l *link) keep(ctx context.Context) {
	reported := false
	for {
		for pause := firstPause; ; pause = min(2*pause, longestPause) {
			err := l.try(ctx)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				break
			}
			if !reported {
				l.log.Warn("the cache's server can't be reached; requests go on without it", slog.Any("err", err))
				reported = true
			}
			if !sleep(ctx, pause) {
				return
			}
		}
		if reported {
			l.log.Info("the cache's server answers")
		}
		select {
		case <-ctx.Done():
			return
		case <-l.lost:
			reported = true // by failed
		}
	}
}

// try connects if need be, and asks the server for a sign of life.
func (l *link) try(ctx context.Context) error {
	client, _ := l.use()
	if client == nil {
		var err error
		if client, err = rueidis.NewClient(l.options); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	err := client.Do(ctx, client.B().Ping().Build()).Error()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client = client
	if err == nil {
		l.failures.Store(0)
		l.up = true
	}
	return err
}

func (l *link) close() {
	if client, _ := l.use(); client != nil {
		client.Close()
	}
}

// sleep waits and reports whether the wait came to its end.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
