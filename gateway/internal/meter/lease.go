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

// take reserves an amount of a bucket. Two limits on the same meter, say a warning at 80 % and
// a refusal at 100 %, count once.
func (l *lease) take(b *bucket, amount int64) {
	for i := range l.holds {
		if l.holds[i].bucket == b {
			return
		}
	}
	amount = room(b.total().reserved, amount)
	b.add(0, amount, 1)
	l.holds = append(l.holds, hold{b, amount})
}

// find returns the hold on a meter; nil when there is none.
func (l *lease) find(k key) *hold {
	for i := range l.holds {
		if l.holds[i].of.key == k {
			return &l.holds[i]
		}
	}
	return nil
}

// grow raises what is held to an amount.
func (h *hold) grow(amount int64) {
	if more := room(h.total().reserved, amount-h.amount); more > 0 {
		h.add(0, more, 0)
		h.amount += more
	}
}

// suspend takes what is held off the counters; restore puts it back.
func (l *lease) suspend() {
	for i := range l.holds {
		h := &l.holds[i]
		h.add(0, -h.amount, -1)
	}
}

func (l *lease) restore() {
	for i := range l.holds {
		h := &l.holds[i]
		h.add(0, h.amount, 1)
	}
}

// settle moves every hold from reserved to spent, by what was used.
func (l *lease) settle(used *llm.Amounts) []llm.Charge {
	charges := make([]llm.Charge, 0, len(l.holds))
	for i := range l.holds {
		h, k := &l.holds[i], &l.holds[i].of.key
		amount := max(used.Of(k.unit), 0)
		if k.unit == llm.UnitConcurrent {
			amount = 0
		}
		h.add(room(h.total().spent, amount), -h.amount, -1)
		if amount > 0 {
			charges = append(charges, llm.Charge{Scope: k.scope, Unit: k.unit, Window: k.window, WindowID: h.id, Amount: amount})
		}
	}
	return charges
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

// end ends a lease.
func (m *Meter) end(name string, l *lease) {
	delete(m.leases, name)
	if m.freed != nil {
		close(m.freed)
		m.freed = nil
	}
	m.recycle(l)
}

// recycle keeps a lease that is no longer in use for the next one.
func (m *Meter) recycle(l *lease) {
	if len(m.spare) < maxSpare {
		clear(l.holds) // releases the buckets of old windows
		l.holds = l.holds[:0]
		m.spare = append(m.spare, l)
	}
}
