package meter

import "time"

// sweepAtOnce is how many meters and leases Sweep looks at before it lets requests go on.
const sweepAtOnce = 1000

// Sweep returns the leases that have expired by now, for the caller to settle at what was
// seen of each request, and drops counters whose windows are over. Call it every few
// seconds: its cost is linear in the requests in flight and the meters in use. Requests wait
// for a small part of it at most.
func (m *Meter) Sweep(now time.Time) (expired []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := 0
	for name, l := range m.leases {
		if !now.Before(l.expires) {
			expired = append(expired, name)
		}
		m.pause(&seen)
	}
	for k, c := range m.counters {
		if c.idle(now) {
			delete(m.counters, k)
		}
		m.pause(&seen)
	}
	return expired
}

// pause lets others have the lock from time to time. A map may change while it is ranged over.
func (m *Meter) pause(seen *int) {
	if *seen++; *seen%sweepAtOnce == 0 {
		m.mu.Unlock()
		m.mu.Lock()
	}
}

// idle reports whether a counter is no longer needed: its window is over, or it counts
// requests in flight and there are none.
func (c *counter) idle(now time.Time) bool {
	return c.cur.end.IsZero() && c.holders == 0 || !c.counting(c.cur, now)
}
