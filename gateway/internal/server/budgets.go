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
	// Max is the hard maximum for the last request, with what raises add to it: Raised.
	Max    json.Number `json:"max,omitempty"`
	Raised json.Number `json:"raised,omitempty"`
	// Percent is Used of Max, in whole percent rounded down; nil without a maximum.
	Percent *int       `json:"percent,omitempty"`
	Resets  *time.Time `json:"resets,omitempty"`
}

// counted is a counter with what raises add to its limits. Max, if there is one, includes it.
type counted struct {
	meter.Count
	Raised int64
}

// counts returns the counters of the meter.
func (s *Server) counts() []counted {
	counts := s.meter.Counts()
	all := make([]counted, len(counts))
	for i, c := range counts {
		all[i] = counted{c, s.raises.By(c.Scope, c.Unit, c.Window)}
		if c.Max > 0 {
			all[i].Max = llm.Add(c.Max, all[i].Raised)
		}
	}
	return all
}

// percent returns how much of the maximum is used, in whole percent; nil without one. Requests in
// flight use up a limit on their number, and of others hold more than they will use.
func (c *counted) percent() *int {
	if c.Max <= 0 {
		return nil
	}
	used := c.Spent
	if c.Unit == llm.UnitConcurrent {
		used = c.Reserved
	}
	percent := int(min(100*float64(used)/float64(c.Max), 1e6))
	return &percent
}

// budgets returns the counters for operators.
func (s *Server) budgets() BudgetList {
	list := BudgetList{Budgets: []Budget{}}
	for _, c := range s.counts() {
		list.Budgets = append(list.Budgets, budgetOf(c))
	}
	return list
}

func budgetOf(c counted) Budget {
	b := Budget{Scope: c.Scope, Unit: c.Unit, Window: c.Window, Used: c.Unit.Amount(c.Spent), Reserved: c.Unit.Amount(c.Reserved), Percent: c.percent()}
	if c.Raised > 0 {
		b.Raised = c.Unit.Amount(c.Raised)
	}
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
	charges, err := s.meter.Difference(c.Scope, c.Unit, c.Window, used)
	if err != nil {
		return nil, err
	}
	if err := s.ledger.Correct(ctx, charges); err != nil {
		return nil, err
	}
	s.meter.Apply(charges)
	var difference int64
	for _, charge := range charges {
		difference += charge.Amount
	}
	before := map[string]json.Number{"used": c.Unit.Amount(used - difference)}
	audit.From(ctx).Note(c.Scope+" "+string(c.Unit)+" "+c.Window, before, map[string]json.Number{"used": c.Unit.Amount(used)})
	s.log.Info("a counter was corrected", "scope", c.Scope, "unit", c.Unit, "window", c.Window, "used", c.Used, "difference", c.Unit.Amount(difference))
	return s.budgets(), nil
}
