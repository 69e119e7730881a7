package upstream

import "time"

// circuit is a circuit breaker. Closed, it lets all calls through. Open, it lets none
// through until its time is up; then it is half-open and lets one through, the probe,
// whose outcome closes it or opens it again for longer.
type circuit struct {
	// failures in a row while closed, each of another request and another moment.
	failures int
	// request is the one whose failure was counted last, and counted when that was.
	request string
	counted time.Time
	// until is when an open circuit becomes half-open; zero means closed.
	until time.Time
	why   string
	// opened is how long it was opened for the last time, before jitter.
	opened time.Duration
	// probing is when the probe of a half-open circuit began; zero means none.
	probing time.Time
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

// close forgets all failures, and with them how long it was open.
func (c *circuit) close() { *c = circuit{} }

// succeed counts a success. A call from before the circuit opened does not close it.
func (c *circuit) succeed(probe bool) {
	if c.until.IsZero() || probe {
		c.close()
	}
}

// open lets no call through until the given time.
func (c *circuit) open(until time.Time, why string) {
	if until.After(c.until) {
		c.until, c.why = until, why
	}
	c.probing = time.Time{}
}

// release ends a probe without a result: the next call may be the probe.
func (c *circuit) release(probe bool) {
	if probe {
		c.probing = time.Time{}
	}
}

// count counts a failure in a row and reports whether it is a new one. Tries of one
// request count once, since the request itself may be what the target fails on. So do
// attempts that ran at the same time: under load they fail together.
func (c *circuit) count(now time.Time, request string, began time.Time) bool {
	if c.failures > 0 && (request == c.request || began.Before(c.counted)) {
		return false
	}
	c.failures++
	c.request, c.counted = request, now
	return true
}

// trip opens the circuit for twice as long as the last time, with jitter.
func (c *circuit) trip(now time.Time, o *HealthOptions, why string) {
	c.opened = min(max(2*c.opened, o.MinOpen), o.MaxOpen)
	jitter := time.Duration(o.Random() * float64(c.opened) / 4)
	c.open(now.Add(c.opened-jitter), why)
}
