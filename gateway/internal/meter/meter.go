// Package meter counts the units of limits: money, tokens, requests and requests in
// flight, each in its own time window. A request reserves its worst case on
// every limit before it is sent and settles what it really used afterwards, so a
// hard limit cannot be overrun by requests that race each other.
//
// It holds no rules: which limits apply to a request is policy's decision. It
// holds nothing on disk either: what must outlive the process goes to the ledger
// as charges and comes back through Restore.
package meter

import (
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Options tune a Meter. The zero value works.
type Options struct {
	// Lease is how long a reservation stays valid without Extend. After that Sweep returns
	// it as expired. Zero means one hour.
	Lease time.Duration
}

// Meter counts in memory, for one process. It is safe for concurrent use.
//
// One mutex guards all counters: a reservation touches several of them and must
// take all or none, and it holds the lock for a few hundred nanoseconds. Locks per
// counter would each cost as much again and would have to be taken in order.
type Meter struct {
	now func() time.Time
	loc *time.Location
	ttl time.Duration // of a lease

	mu       sync.Mutex
	counters map[key]*counter
	leases   map[string]*lease
	spare    []*lease               // reused, at most maxSpare
	spans    map[string]*llm.Window // parsed windows, at most maxSpans
	found    []*counter             // of the limits of the call under way; reused
	// freed is closed when a lease ends; nil while there are no waiters.
	freed chan struct{}
}

// maxSpare bounds the leases kept for reuse, so that the memory of a burst is freed.
const maxSpare = 256

// key names a counter. Limits with the same key share it, whatever their maximum.
type key struct {
	scope, window string
	unit          llm.Unit
}

// New returns an empty meter whose calendar windows follow loc; nil means UTC.
// The clock is read once for every reservation.
func New(now func() time.Time, loc *time.Location, o Options) *Meter {
	if loc == nil {
		loc = time.UTC
	}
	if o.Lease <= 0 {
		o.Lease = time.Hour
	}
	return &Meter{now: now, loc: loc, ttl: o.Lease,
		counters: make(map[key]*counter), leases: make(map[string]*lease), spans: make(map[string]*llm.Window)}
}

// Reserve takes what is asked for from every limit, or nothing from any. When it does not
// fit, it takes less, down to ask.Least tokens of output, and returns the tokens that it
// took: a request without a bound of its own gets what hard limits still afford, and
// leaves something for those that come after it.
//
// It refuses when a limit that denies would be exceeded even so, with an *llm.Error for
// the caller that names the limit and states whether it is used up (budget_exceeded for
// money, rate_limit_exceeded for the rest), held by requests in flight, or too small for
// this request at any time. A limit that only warns is counted too and is marked Exceeded.
// The states are in the order of the limits.
//
// The name is the caller's for the reservation; it must not be in use. What is reserved
// stays so until Settle.
func (m *Meter) Reserve(name string, limits []llm.Limit, ask llm.Ask) (states []llm.LimitState, output int64, err error) {
	if len(limits) == 0 {
		return nil, ask.Most, nil
	}
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leases[name] != nil {
		return nil, 0, leaseTaken(name)
	}
	return m.reserve(name, limits, ask, now)
}

// Replace is Reserve in place of an earlier reservation, which may have the same name. When it
// is refused, the earlier one stays as it is; in no case can another request have what that
// holds meanwhile.
func (m *Meter) Replace(earlier, name string, limits []llm.Limit, ask llm.Ask) (states []llm.LimitState, output int64, err error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.leases[earlier]
	if name != earlier && m.leases[name] != nil {
		return nil, 0, leaseTaken(name)
	}
	if old == nil {
		return m.reserve(name, limits, ask, now)
	}
	if err := m.find(limits, now, m.counter); err != nil { // no part of a window that is held may be taken for empty
		return nil, 0, err
	}
	old.suspend()
	delete(m.leases, earlier)
	if states, output, err = m.reserve(name, limits, ask, now); err != nil {
		old.restore()
		m.leases[earlier] = old
		return nil, 0, err
	}
	m.recycle(old)
	return states, output, nil
}

// reserve is Reserve under the lock.
func (m *Meter) reserve(name string, limits []llm.Limit, ask llm.Ask, now time.Time) (states []llm.LimitState, output int64, err error) {
	if err := m.find(limits, now, m.counter); err != nil {
		return nil, 0, err
	}
	if output, err = m.affordable(limits, ask, now); err != nil {
		return nil, 0, err
	}
	want := ask.Amounts(output)
	states = make([]llm.LimitState, len(limits))
	for i, c := range m.found {
		states[i] = c.state(&limits[i], max(want.Of(limits[i].Unit), 0))
	}
	l := m.newLease(now)
	for i, c := range m.found {
		l.take(c.cur, states[i].Reserved)
	}
	m.leases[name] = l
	return states, output, nil
}

// state is a limit with what is counted before a request takes an amount.
func (c *counter) state(limit *llm.Limit, amount int64) llm.LimitState {
	s := llm.LimitState{Limit: *limit, WindowID: c.cur.id, Before: c.used(), Held: c.reserved, Reserved: amount}
	s.Exceeded = llm.Add(s.Before, amount) > limit.Max
	if resets := c.resets(); !resets.IsZero() {
		s.ResetsAt = resets.UnixMilli()
	}
	return s
}

// Settle replaces a reservation by what was really used, in the windows that were
// current when it was made, even if more was used than reserved. It returns the charges
// for the ledger; requests in flight are released and not charged. It returns nothing for
// a lease that is unknown or settled already.
func (m *Meter) Settle(name string, used llm.Amounts) []llm.Charge {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.leases[name]
	if l == nil {
		return nil
	}
	charges := l.settle(&used)
	m.end(name, l)
	return charges
}

// Freed returns a channel that is closed when the next reservation ends. It is for callers
// that Reserve has refused with FaultHeld.
func (m *Meter) Freed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.freed == nil {
		m.freed = make(chan struct{})
	}
	return m.freed
}

// Extend renews a lease from now on. It reports whether the lease exists.
func (m *Meter) Extend(name string) bool {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.leases[name]
	if l == nil {
		return false
	}
	l.expires = now.Add(m.ttl)
	return true
}

// Percent returns how much of a limit is used now, in whole percent rounded down; above
// 100 when it is exceeded. Of money and tokens only what is spent counts: requests in
// flight hold far more than they will use. It is 0 for a meter that has not been used in
// the current window.
func (m *Meter) Percent(limit llm.Limit) int {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counters[key{limit.Scope, limit.Window, limit.Unit}]
	if c == nil {
		return 0
	}
	n := c.countsAt(now)
	if limit.Unit == llm.UnitConcurrent || limit.Unit == llm.UnitRequests {
		return percent(n.used(), limit.Max)
	}
	return percent(n.spent, limit.Max)
}
