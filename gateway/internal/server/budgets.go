package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/meter"
)

// BudgetList is the reply of GET /admin/v1/budgets.
type BudgetList struct {
	Budgets []Budget `json:"budgets"`
}

// Budget is one counter of a limit: money in US dollars, the rest in counts.
type Budget struct {
	Scope    string      `json:"scope"`
	Unit     llm.Unit    `json:"unit"`
	Window   string      `json:"window,omitempty"`
	Used     json.Number `json:"used"`
	Reserved json.Number `json:"reserved"`
	Max      json.Number `json:"max,omitempty"`
	Resets   *time.Time  `json:"resets,omitempty"`
}

// budgets returns the counters of the meter.
func (s *Server) budgets() BudgetList {
	list := BudgetList{Budgets: []Budget{}}
	for _, c := range s.meter.Counts() {
		list.Budgets = append(list.Budgets, budgetOf(c))
	}
	return list
}

func budgetOf(c meter.Count) Budget {
	b := Budget{Scope: c.Scope, Unit: c.Unit, Window: c.Window, Used: c.Unit.Amount(c.Spent), Reserved: c.Unit.Amount(c.Reserved)}
	if c.Max > 0 {
		b.Max = c.Unit.Amount(c.Max)
	}
	if !c.Resets.IsZero() {
		resets := c.Resets.UTC()
		b.Resets = &resets
	}
	return b
}

// ParseAmount parses what llm.Unit.Amount has formatted.
func ParseAmount(u llm.Unit, s string) (int64, error) {
	if u == llm.UnitUSD {
		n, err := llm.ParseUSD(s)
		return int64(n), err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number", s)
	}
	return n, nil
}

// correct sets what a counter counts as used, and books the difference.
func (s *Server) correct(ctx context.Context, c admin.Correction) (any, error) {
	used, err := ParseAmount(c.Unit, c.Used.String())
	if err != nil {
		return nil, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "used", Message: err.Error()}
	}
	charge, err := s.meter.Difference(c.Scope, c.Unit, c.Window, used)
	if err != nil {
		return nil, err
	}
	if err := s.ledger.Correct(ctx, charge); err != nil {
		return nil, err
	}
	s.meter.Apply(charge)
	before := map[string]json.Number{"used": c.Unit.Amount(used - charge.Amount)}
	audit.From(ctx).Note(c.Scope+" "+string(c.Unit)+" "+c.Window, before, map[string]json.Number{"used": c.Unit.Amount(used)})
	s.log.Info("a counter was corrected", "scope", c.Scope, "unit", c.Unit, "window", c.Window, "used", c.Used, "difference", c.Unit.Amount(charge.Amount))
	return s.budgets(), nil
}
