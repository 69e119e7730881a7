package meter

import (
	"cmp"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Count is the state of one meter in its current window, in nano-USD, tokens or requests.
type Count struct {
	Scope  string
	Unit   llm.Unit
	Window string
	Spent  int64
	// Reserved is held by requests in flight.
	Reserved int64
	// Max is the hard maximum for the last request, without raises; 0 before there was one.
	Max int64
	// Starts is when the window began; zero for requests in flight and for rolling windows.
	Starts time.Time
	// Resets is when the window ends, or when a rolling one no longer counts any of Spent;
	// zero for requests in flight.
	Resets time.Time
}

// Size returns how many counters are kept in memory.
func (m *Meter) Size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.counters)
}

// Compare orders counts by scope, unit and window. No two meters are equal.
func (c Count) Compare(o Count) int {
	return cmp.Or(cmp.Compare(c.Scope, o.Scope), cmp.Compare(c.Unit, o.Unit), cmp.Compare(c.Window, o.Window))
}

// All returns the meters whose windows are not over, in no order. It copies a part of them at a
// time, so that requests wait for that part at most, and the loop may call the meter. Meters that
// are there throughout the loop are in it once. One that comes or goes meanwhile may be left out,
// and one that goes and comes back may be there twice.
func (m *Meter) All() iter.Seq[Count] {
	return func(yield func(Count) bool) {
		now := m.now()
		part := make([]Count, 0, sweepAtOnce)
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, c := range m.counters { // a map may change while it is ranged over
			if !c.counting(c.cur, now) {
				continue
			}
			if part = append(part, c.count(now)); len(part) < cap(part) {
				continue
			}
			if !m.yieldAll(part, yield) {
				return
			}
			part = part[:0]
		}
		m.yieldAll(part, yield)
	}
}

// yieldAll lets others have the lock while a loop's body runs.
func (m *Meter) yieldAll(part []Count, yield func(Count) bool) bool {
	m.mu.Unlock()
	defer m.mu.Lock()
	for _, c := range part {
		if !yield(c) {
			return false
		}
	}
	return true
}

// Count returns the state of one meter; false if nothing is counted there now.
func (m *Meter) Count(scope string, u llm.Unit, window string) (Count, bool) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counters[key{scope, window, u}]
	if c == nil || !c.counting(c.cur, now) {
		return Count{}, false
	}
	return c.count(now), true
}

func (c *counter) count(now time.Time) Count {
	n := c.countsAt(now)
	return Count{c.scope, c.unit, c.window, n.spent, n.reserved, c.max, c.starts(), c.resets()}
}

// Difference returns the charges that set what a meter has spent in its current window, to
// be recorded in the ledger and then given to Apply. The error is an *llm.Error with status
// 400 for a meter that cannot be corrected, and 404 for one without a count.
func (m *Meter) Difference(scope string, u llm.Unit, window string, spent int64) ([]llm.Charge, error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counters[key{scope, window, u}]
	switch {
	case u == llm.UnitConcurrent || spent < 0:
		return nil, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "used",
			Message: "The usage must be at least 0, and requests in flight cannot be corrected."}
	case c == nil || !c.counting(c.cur, now):
		return nil, &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Param: "scope",
			Message: fmt.Sprintf("Nothing is counted for scope %q, unit %q, window %q now.", scope, u, window)}
	}
	c.advance(now, m.loc)
	return c.difference(spent), nil
}

// difference returns the charges from what is spent to what is to be. More is added to the
// current bucket. Less is taken from the oldest parts of a rolling window, so that what is
// left counts longest, and from none more than it has.
func (c *counter) difference(spent int64) (charges []llm.Charge) {
	rest := spent - c.spent
	for _, b := range append(slices.Clone(c.older), c.cur) {
		amount := max(rest, -b.spent)
		if rest > 0 && b != c.cur {
			amount = 0
		}
		if amount != 0 {
			charges = append(charges, llm.Charge{Scope: c.scope, Unit: c.unit, Window: c.key.window, WindowID: b.id, Amount: amount})
		}
		rest -= amount
	}
	return charges
}

// Apply adds charges from Difference. What has been spent meanwhile stays counted; a
// charge to a window that is over is ignored.
func (m *Meter) Apply(charges []llm.Charge) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, charge := range charges {
		if c := m.counters[key{charge.Scope, charge.Window, charge.Unit}]; c != nil {
			c.apply(&charge)
		}
	}
}

func (c *counter) apply(charge *llm.Charge) {
	for _, b := range append(slices.Clone(c.older), c.cur) {
		if b.id == charge.WindowID {
			b.add(max(room(c.spent, charge.Amount), -b.spent), 0, 0)
		}
	}
}
