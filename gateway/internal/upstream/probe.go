package upstream

import "time"

// ProbeDue returns when a target that is to be called every so often should be probed: as soon as
// its circuit or cooldown lets a call through, else when it has gone without a call for that
// long. It is the zero time for one that must not be probed: an operator has opened it, or calls
// are in flight.
func (h *Health) ProbeDue(id string, every time.Duration, credentials ...*Credential) time.Time {
	t, now := h.findOrAdd(id, h.o.Known), h.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if h.openings.block(id, now).why != "" || t.inflight.Load() > 0 {
		return time.Time{}
	}
	b := h.blockOfTarget(id, t, credentials, now, false)
	switch {
	case b.why != "":
		return b.until
	case t.circuit.halfOpen(now) || t.laneHalfOpen(now):
		return now
	}
	return t.asked.Add(every)
}

// laneHalfOpen reports whether one of the target's credentials waits for a probe. The lock is held.
func (t *target) laneHalfOpen(now time.Time) bool {
	for _, l := range t.lanes {
		l.account.mu.Lock()
		half := l.account.circuit.halfOpen(now)
		l.account.mu.Unlock()
		if half || l.circuit.halfOpen(now) {
			return true
		}
	}
	return false
}
