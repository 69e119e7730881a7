package upstream

import "time"

// circuit keeps calls from a target that fails. Closed, it lets all through. Open,
// it lets none through until its time is up; then it is half-open and lets one
// through, the probe, whose outcome closes it or opens it again for longer.
type circuit struct {
	// failures in a row while closed.
	failures int
	// until is when an open circuit becomes half-open; zero means closed.
	until time.Time
	why   string
	// opened is how long it was opened for the last time.
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

// fail counts a failure. tooMany says that the share of recent failures is reason
// enough to open. Failures of attempts from before the circuit opened change
// nothing.
func (c *circuit) fail(now time.Time, o HealthOptions, why string, probe, tooMany bool) {
	if !c.until.IsZero() && !probe {
		return
	}
	c.failures++
	if !probe && c.failures < o.Failures && !tooMany {
		return
	}
	c.opened = min(max(2*c.opened, o.MinOpen), o.MaxOpen)
	c.open(now.Add(c.opened), why)
}

// rest is the pause after a 429.
type rest struct {
	until time.Time
	// last is the pause that was chosen when the provider named none.
	last time.Duration
}

func (r *rest) clear() { *r = rest{} }

// extend rests for as long as the provider asks, else a little longer each time.
// Many refusals at once count as one.
func (r *rest) extend(now time.Time, o HealthOptions, asked time.Duration) {
	if asked <= 0 {
		if now.Before(r.until) {
			return
		}
		r.last = min(max(2*r.last, o.MinRest), o.MaxRest)
		asked = r.last
	}
	if until := now.Add(min(asked, maxRetryAfter)); until.After(r.until) {
		r.until = until
	}
}
