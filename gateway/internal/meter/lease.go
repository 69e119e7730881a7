package meter

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// lease is one reservation: what it holds of which buckets.
type lease struct {
	holds   []hold
	expires time.Time
}

// hold is the part of a lease in one bucket.
type hold struct {
	*bucket
	amount int64
}

// hold adds a bucket to the lease. Two limits on the same meter, say a warning at
// 80 % and a refusal at 100 %, count once.
func (l *lease) hold(b *bucket, amount int64) {
	for i := range l.holds {
		if l.holds[i].bucket == b {
			return
		}
	}
	l.holds = append(l.holds, hold{b, amount})
}

func (l *lease) take() {
	for i := range l.holds {
		h := &l.holds[i]
		h.reserved = llm.Add(h.reserved, h.amount)
		h.holders++
	}
}

// settle moves every hold from reserved to spent, by the amount that charge returns.
func (l *lease) settle(charge func(*hold) int64) []llm.Charge {
	charges := make([]llm.Charge, 0, len(l.holds))
	for i := range l.holds {
		h := &l.holds[i]
		h.reserved -= h.amount
		h.holders--
		amount := charge(h)
		if h.unit == llm.UnitConcurrent || amount == 0 {
			continue
		}
		h.spent = llm.Add(h.spent, amount)
		charges = append(charges, llm.Charge{Scope: h.scope, Unit: h.unit, Window: h.key.window, WindowID: h.id, Amount: amount})
	}
	return charges
}

// Sweep returns the leases that have expired by now, for the caller to settle at what was
// seen of each request, and drops counters whose windows are over. Call it every few
// seconds: its cost is linear in the requests in flight and the meters in use.
func (m *Meter) Sweep(now time.Time) (expired []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, l := range m.leases {
		if !now.Before(l.expires) {
			expired = append(expired, name)
		}
	}
	m.evict(now)
	return expired
}

// evict drops counters that are no longer needed: their window is over, or they count
// requests in flight and there are none.
func (m *Meter) evict(now time.Time) {
	for k, c := range m.counters {
		idle := c.cur.end.IsZero() && c.cur.reserved == 0
		if idle || !c.cur.covers(now) {
			delete(m.counters, k)
		}
	}
}

func (m *Meter) newLease(now time.Time) *lease {
	expires := now.Add(m.ttl)
	n := len(m.spare)
	if n == 0 {
		return &lease{expires: expires}
	}
	l := m.spare[n-1]
	m.spare = m.spare[:n-1]
	l.expires = expires
	return l
}

// drop ends a lease.
func (m *Meter) drop(name string, l *lease) {
	delete(m.leases, name)
	if m.freed != nil {
		close(m.freed)
		m.freed = nil
	}
	m.recycle(l)
}

func (m *Meter) recycle(l *lease) {
	if len(m.spare) == maxSpare {
		return
	}
	clear(l.holds) // releases the buckets of old windows
	l.holds = l.holds[:0]
	m.spare = append(m.spare, l)
}
