package upstream

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/ratelimit"
)

// circuit keeps calls from a target that fails. Closed, it lets all through. Open,
// it lets none through until its time is up; then it is half-open and lets one
// through, the probe, whose outcome closes it or opens it again for longer.
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
	// probing is when the probe of a half-open circuit went off; zero means none.
	probing time.Time
}

// enter asks to go through, and reports whether the caller is the probe. A probe
// that has not come back within patience does not keep the next one out.
func (c *circuit) enter(now time.Time, patience time.Duration) (probe, ok bool) {
	if c.until.IsZero() {
		return false, true
	}
	if !c.resting(now, patience).IsZero() {
		return false, false
	}
	c.probing = now
	return true, true
}

// resting is when the circuit next lets somebody through; zero means now.
func (c *circuit) resting(now time.Time, patience time.Duration) time.Time {
	if now.Before(c.until) {
		return c.until
	}
	if !c.probing.IsZero() && now.Before(c.probing.Add(patience)) {
		return c.probing.Add(patience)
	}
	return time.Time{}
}

// close forgets all failures, and with them how long it was open.
func (c *circuit) close() { *c = circuit{} }

// succeed counts a success. What an open circuit let through before it opened does
// not close it.
func (c *circuit) succeed(probe bool) {
	if c.until.IsZero() || probe {
		c.close()
	}
}

// open keeps everybody out until the given time.
func (c *circuit) open(until time.Time, why string) {
	if until.After(c.until) {
		c.until, c.why = until, why
	}
	c.probing = time.Time{}
}

// release takes a probe back that told nothing: the next caller may probe.
func (c *circuit) release(probe bool) {
	if probe {
		c.probing = time.Time{}
	}
}

// count counts a failure in a row and reports whether it was one of its own. Tries of
// one request are one observation, since the request itself may be what the target
// fails on. So are attempts that ran at the same time: under load they fail together.
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

// rest is the pause after a 429.
type rest struct {
	until time.Time
	// firm is until when the provider itself wants to be left alone. A pause that was
	// chosen here is a hint for routing and keeps nobody out.
	firm time.Time
	// last is the pause that was chosen when the provider named none.
	last time.Duration
}

func (r *rest) clear() { *r = rest{} }

// extend rests for as long as the provider asks, else a little longer each time.
// Many refusals at once count as one.
func (r *rest) extend(now time.Time, o *HealthOptions, asked time.Duration) {
	if asked > 0 {
		r.firm = later(r.firm, now.Add(min(asked, ratelimit.MaxDelay)))
		r.until = later(r.until, r.firm)
		return
	}
	if now.Before(r.until) {
		return
	}
	r.last = min(max(2*r.last, o.MinRest), o.MaxRest)
	r.until = later(r.until, now.Add(r.last))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
