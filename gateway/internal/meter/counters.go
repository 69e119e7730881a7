package meter

import (
	"cmp"
	"fmt"
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

// Counts returns the meters whose windows are not over, sorted by scope, unit and window.
func (m *Meter) Counts() []Count {
	all := m.unsorted()
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Window, b.Window))
	})
	return all
}

func (m *Meter) unsorted() []Count {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Count
	for k, c := range m.counters {
		if c.counting(c.cur, now) {
			n := c.countsAt(now)
			all = append(all, Count{k.scope, k.unit, k.window, n.spent, n.reserved, c.max, c.resets()})
		}
	}
	return all
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
