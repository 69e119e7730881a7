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
	// Max is the hard maximum for the last request; 0 before there was one.
	Max int64
	// Resets is when the window ends; zero for requests in flight.
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
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Count
	for k, c := range m.counters {
		if b := c.cur; b.covers(now) {
			all = append(all, Count{k.scope, k.unit, k.window, b.spent, b.reserved, c.max, b.end})
		}
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Window, b.Window))
	})
	return all
}

// Difference returns the charge that sets what a meter has spent in its current window, to
// be recorded in the ledger and then given to Apply. The error is an *llm.Error with status
// 400 for a meter that cannot be corrected, and 404 for one without a count.
func (m *Meter) Difference(scope string, u llm.Unit, window string, spent int64) (llm.Charge, error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counters[key{scope, window, u}]
	switch {
	case u == llm.UnitConcurrent || spent < 0:
		return llm.Charge{}, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "used",
			Message: "The usage must be at least 0, and requests in flight cannot be corrected."}
	case c == nil || !c.cur.covers(now):
		return llm.Charge{}, &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Param: "scope",
			Message: fmt.Sprintf("Nothing is counted for scope %q, unit %q, window %q now.", scope, u, window)}
	}
	return llm.Charge{Scope: scope, Unit: u, Window: window, WindowID: c.cur.id, Amount: spent - c.cur.spent}, nil
}

// Apply adds a charge from Difference. What has been spent meanwhile stays counted; a
// charge to a window that is over is ignored.
func (m *Meter) Apply(charge llm.Charge) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counters[key{charge.Scope, charge.Window, charge.Unit}]
	if c != nil && c.cur.id == charge.WindowID {
		c.cur.spent = max(llm.Add(c.cur.spent, charge.Amount), 0)
	}
}
