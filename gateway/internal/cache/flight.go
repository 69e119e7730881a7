package cache

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// flight is a reply that is under way. The request that makes it leads the flight, and others
// may follow: they read the events from the first one on, each at its own pace, out of a log
// that is bounded. If the leader fails before its reply begins, a follower takes its place.
type flight struct {
	// keys are those under which the flight is found; none when nobody may follow.
	keys []Key
	// full says that the log no longer has the beginning, so that nobody new can follow.
	full atomic.Bool

	mu sync.Mutex
	// changed is closed at the next change of what follows; nil while nobody waits.
	changed chan struct{}
	// source is the id of the request that leads, target that of the target that answers it.
	source, target string
	// vacant says that a follower is to take the lead. failures counts those leaders that their
	// targets failed.
	vacant   bool
	failures int
	// older and newer are the log: two entries, each of at most the size of one that is stored.
	// Their first event has the number first.
	older, newer *Entry
	first        int
	// begun says that there is an event that clients see.
	begun bool
	// ended says that there will be no more: after the final event, or because of err.
	ended bool
	err   error
	info  llm.ReplyInfo
	// release releases the leader's context; nil without one.
	release func()

	// These are written under the mutex of flights. orphaned cancels the call of a leader whose
	// client is gone; nil while it is there.
	followers atomic.Int64
	orphaned  context.CancelCauseFunc
	// leaderless says that the lead is vacant.
	leaderless bool
}

// maxFailures is how many leaders of a flight may fail before its followers are given the
// error: another one would most likely fail as well.
const maxFailures = 2

// role is what becomes of a request that follows a flight.
type role int8

const (
	waiting role = iota
	following
	leading
)

// await waits until the reply has begun or the slot is to take the lead. The error is the
// leader's, or the context's.
func (f *flight) await(ctx context.Context, s *Slot) (role, error) {
	for {
		r, changed, err := f.check()
		switch {
		case r == leading:
			s.cache.flights.lead(f, s)
			return r, nil
		case r == following || err != nil:
			return r, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return waiting, context.Cause(ctx)
		}
	}
}

// check returns what a follower is to do now. While it is to wait, changed is closed when it
// should look again.
func (f *flight) check() (r role, changed <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.begun:
		return following, nil, nil
	case f.ended:
		return waiting, nil, f.err
	case f.vacant:
		f.vacant = false
		return leading, nil, nil
	}
	return waiting, f.wait(), nil
}

// wait returns what is closed at the next change. It needs mu.
func (f *flight) wait() <-chan struct{} {
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.changed
}

// broadcast wakes all who wait. It needs mu.
func (f *flight) broadcast() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// begin starts the log of a reply. A purge from here on applies to it.
func (f *flight) begin(c *Cache, r Recording, asked asking) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.older, f.newer = c.NewEntry(r), c.NewEntry(r)
	f.older.asked, f.newer.asked = asked, asked
	f.source, f.target = r.Source, r.Target
}

// add logs an event. Of a reply that is larger than an entry may be, only the latest part is
// kept.
func (f *flight) add(c *Cache, ev llm.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.newer; len(e.events) > 0 && e.Size()+int64(len(ev.Frame)+len(ev.Data)+eventBytes) > c.maxItem {
		f.first += len(f.older.events)
		f.full.Store(f.first > 0)
		f.older, f.newer = e, &Entry{asked: e.asked, dialect: e.dialect}
	}
	f.newer.Add(ev)
	f.begun = f.begun || !ev.Hidden
	f.broadcast()
}

// complete ends the flight after its final event, and returns the log as an entry if all of it
// is there.
func (f *flight) complete(info llm.ReplyInfo) *Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	if u := info.Usage; u != nil {
		usage := *u // the stream may still change its own
		info.Usage = &usage
	}
	f.info, f.ended, f.err = info, true, io.EOF
	f.broadcast()
	if len(f.older.events) > 0 {
		return nil
	}
	e := *f.newer
	e.Info = info
	e.trim()
	return &e
}

// fail ends the flight with an error, unless it has ended.
func (f *flight) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ended {
		f.ended, f.err = true, err
		f.broadcast()
	}
}

// leaderGone ends the part of a leader. If its reply has not begun, one of the followers takes
// its place, unless too many have failed already.
func (f *flight) leaderGone(err error, c *Cache) {
	if f.release != nil {
		f.release()
		f.release = nil
	}
	if err == nil {
		err = errGone
	}
	if f.handOver(c, err) {
		return
	}
	c.flights.remove(f)
	f.fail(err)
}

// handOver makes the lead vacant, and reports whether it has.
func (f *flight) handOver(c *Cache, err error) bool {
	f.mu.Lock()
	if !isOwn(err) {
		f.failures++
	}
	over := f.begun || f.ended || f.failures >= maxFailures
	f.mu.Unlock()
	if over || !c.flights.vacate(f) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.vacant, f.err = true, err
	f.broadcast()
	return true
}

// isOwn reports whether an error is about the request that it ended, and says nothing about
// another one.
func isOwn(err error) bool {
	switch llm.AsError(err).Fault {
	case llm.FaultBudget, llm.FaultHeld, llm.FaultCanceled:
		return true
	}
	return false
}

// errGone is the error of a reply whose leader has ended without one of its own.
var errGone = &llm.Error{Code: llm.CodeStreamCut, Status: http.StatusBadGateway, Fault: llm.FaultCut, Retried: true,
	Message: "The request whose reply this one shares has ended before the reply was complete. Try again."}

// errSlow is the error of a follower that the log has left behind.
var errSlow = &llm.Error{Code: llm.CodeStreamCut, Status: http.StatusBadGateway, Fault: llm.FaultCut, Retried: true,
	Message: "The reply, which is shared with other requests, came faster than it was read. Try again, with cache-control: no-store to have a reply of your own."}

// outlive returns a context for the call of the flight's leader: when the leader's client
// hangs up, it goes on until the last follower has gone, too. Other ends of ctx end it.
func (f *flight) outlive(ctx context.Context, c *Cache) context.Context {
	own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		cause := context.Cause(ctx)
		if cause != context.Canceled || !c.flights.orphan(f, cancel) {
			cancel(cause)
		}
	})
	f.release = func() {
		stop()
		cancel(context.Canceled)
	}
	return own
}

// reply returns the reply of a flight that has begun, for one who follows it.
func (f *flight) reply(s *Slot) *llm.StoredReply {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.newer
	return &llm.StoredReply{Stream: &follower{slot: s, flight: f}, Target: f.target, Source: f.source, Dialect: e.dialect, Streamed: e.asked.stream,
		AsItIs: e.asked == s.asked, Live: true}
}
