package upstream

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// circuit is a circuit breaker. Closed, it lets all calls through. Open, it lets none
// through until its time is up; then it is half-open and lets one through, the probe,
// whose outcome closes it or opens it again for longer. Nothing has to happen while it is
// open: the next call after its time is the probe, whenever it comes.
type circuit struct {
	// failures in a row while closed, each of another request and another moment.
	failures int
	// request is the one whose failure was counted last, and counted when that was.
	request string
	counted time.Time
	// recent are the outcomes of late that count for opening it.
	recent errorShare
	// answered is when the latest of the calls began that have been answered.
	answered time.Time
	// until is when an open circuit becomes half-open; zero means closed. since is when it was
	// opened last.
	until, since time.Time
	why          string
	// opened is how long it was opened for the last time, before jitter; zero once a call
	// has succeeded.
	opened time.Duration
	// probing is when the probe of a half-open circuit began; zero means none.
	probing time.Time
}

// attempt is a call as a circuit sees it.
type attempt struct {
	request string
	began   time.Time
	// probe says that it was let through as the probe.
	probe bool
}

// allow reports whether a call may go through, and whether it is the probe. After
// maxProbe without an outcome another probe may.
func (c *circuit) allow(now time.Time, maxProbe time.Duration) (probe, ok bool) {
	if c.until.IsZero() {
		return false, true
	}
	if !c.blockedUntil(now, maxProbe).IsZero() {
		return false, false
	}
	c.probing = now
	return true, true
}

// lastResort is how long a circuit stays open at least, also for a request that has no other
// target.
const lastResort = time.Second

// hasten makes an open circuit half-open before its time.
func (c *circuit) hasten(now time.Time) {
	if now.Before(c.until) && now.Sub(c.since) >= lastResort {
		c.until = now
	}
}

// blockedUntil returns when the circuit next lets a call through; zero means now.
func (c *circuit) blockedUntil(now time.Time, maxProbe time.Duration) time.Time {
	if now.Before(c.until) {
		return c.until
	}
	if !c.probing.IsZero() && now.Before(c.probing.Add(maxProbe)) {
		return c.probing.Add(maxProbe)
	}
	return time.Time{}
}

// halfOpen reports whether the circuit waits for a probe or for its outcome.
func (c *circuit) halfOpen(now time.Time) bool { return !c.until.IsZero() && !now.Before(c.until) }

// probes reports whether a call is a probe since the circuit was opened last.
func (c *circuit) probes(l attempt) bool {
	return l.probe && !c.until.IsZero() && !l.began.Before(c.until)
}

// close forgets all failures, and with them how long it was open.
func (c *circuit) close() { *c = circuit{answered: c.answered} }

// succeed counts a success, and reports whether it has closed the circuit. A call from
// before the circuit opened does not close it.
func (c *circuit) succeed(now time.Time, l attempt) (closed bool) {
	c.answered = later(c.answered, l.began)
	closed = c.probes(l)
	switch {
	case closed:
		c.close()
	case !c.until.IsZero():
		return false
	}
	c.failures, c.opened = 0, 0
	c.recent.add(now, 1, 0)
	return closed
}

// answer notes that a call has been answered, if only by the beginning of a stream or by an
// error that is the caller's. It closes the circuit if that was the probe, and reports
// whether it has. Should the circuit open again before a call succeeds, it stays open for
// longer than the last time.
func (c *circuit) answer(l attempt) (closed bool) {
	c.answered = later(c.answered, l.began)
	if !c.probes(l) {
		return false
	}
	*c = circuit{answered: c.answered, opened: c.opened}
	return true
}

// open lets no call through until the given time.
func (c *circuit) open(until time.Time, why string) {
	if until.After(c.until) {
		c.until, c.why = until, why
	}
	c.probing = time.Time{}
}

// release ends a probe without a result: the next call may be the probe. One that a later
// probe has replaced changes nothing.
func (c *circuit) release(l attempt) {
	if l.probe && c.probing.Equal(l.began) {
		c.probing = time.Time{}
	}
}

// fail counts a failure, and opens the circuit after enough of them in a row, or when too
// large a part of the recent calls has failed, or after a failed probe. A call from before
// it opened changes nothing, nor does a probe that a later one has replaced.
func (c *circuit) fail(now time.Time, l attempt, failed *Outcome, o *HealthOptions) {
	if !c.until.IsZero() {
		if l.probe && c.probing.Equal(l.began) {
			c.trip(l.began, o, string(failed.Fault)) // silence shows nothing of what came after it began
			c.since = now
		}
		return
	}
	silent := failed.Fault == llm.FaultTimeout && failed.FirstToken == 0
	if silent && l.began.Before(c.answered) {
		return // the target has recovered since
	}
	counted := c.count(now, l)
	if counted || failed.Fault != llm.FaultTimeout { // under load, many time out at one moment
		c.recent.add(now, 0, 1)
	}
	if c.failures >= o.Failures || c.recent.exceeds(now, o.ErrorShare) {
		c.trip(now, o, string(failed.Fault))
		c.since = now
	}
}

// count counts a failure in a row and reports whether it is a new one. Tries of one
// request count once, since the request itself may be what the target fails on. So do
// calls that ran at the same time: under load they fail together.
func (c *circuit) count(now time.Time, l attempt) bool {
	if c.failures > 0 && (l.request == c.request || l.began.Before(c.counted)) {
		return false
	}
	c.failures++
	c.request, c.counted = l.request, now
	return true
}

// trip opens the circuit for twice as long as the last time, with jitter, from a time on.
func (c *circuit) trip(from time.Time, o *HealthOptions, why string) {
	c.opened = min(max(2*c.opened, o.MinOpen), o.MaxOpen)
	jitter := time.Duration(o.Random() * float64(c.opened) / 4)
	c.open(from.Add(c.opened-jitter), why)
}
