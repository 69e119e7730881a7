package meter

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Count is what one meter shows in its current window, in the unit's measure: nano-USD,
// tokens or requests.
type Count struct {
	Scope  string
	Unit   llm.Unit
	Window string
	Spent  int64
	// Reserved is held by requests in flight.
	Reserved int64
	// Max is the hard maximum that the last request was held to; 0 before there was one.
	Max int64
	// Resets is when the window ends; zero for requests in flight.
	Resets time.Time
}

// Counts lists the meters whose windows are not over, by scope, unit and window.
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

// Difference is the charge that would make a meter show this much as spent in its current
// window, for the ledger to book and Apply to take in. The error is an *llm.Error with status 400
// for a meter that can't be, and 404 for one that nothing has been counted on.
func (m *Meter) Difference(scope string, u llm.Unit, window string, spent int64) (llm.Charge, error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counters[key{scope, window, u}]
	switch {
	case u == llm.UnitConcurrent || spent < 0:
		return llm.Charge{}, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "used",
			Message: "Requests in flight can't be corrected, and nothing can be used less than 0 times."}
	case c == nil || !c.cur.covers(now):
		return llm.Charge{}, &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Param: "scope",
			Message: fmt.Sprintf("Nothing is counted for scope %q, unit %q, window %q at the moment.", scope, u, window)}
	}
	return llm.Charge{Scope: scope, Unit: u, Window: window, WindowID: c.cur.id, Amount: spent - c.cur.spent}, nil
}

// Apply takes in a charge that a Difference has given. What has been spent meanwhile stays
// spent; a window that is over is passed over.
func (m *Meter) Apply(charge llm.Charge) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counters[key{charge.Scope, charge.Window, charge.Unit}]
	if c != nil && c.cur.id == charge.WindowID {
		c.cur.spent = max(llm.Add(c.cur.spent, charge.Amount), 0)
	}
}
