package server

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/meter"
)

// BudgetList is the reply of GET /admin/v1/budgets, by scope, unit and window. Next is the after
// of the next page.
type BudgetList struct {
	Budgets []Budget `json:"budgets"`
	Next    string   `json:"next,omitempty"`
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

// counts returns the counters of the meter that keep wants, in no order; see meter.Meter.All.
func (s *Server) counts(keep func(counted) bool) iter.Seq[counted] {
	return func(yield func(counted) bool) {
		for c := range s.meter.All() {
			if raised := s.withRaises(c); keep(raised) && !yield(raised) {
				return
			}
		}
	}
}

// count returns one counter of the meter; false if nothing is counted there now.
func (s *Server) count(scope string, u llm.Unit, window string) (counted, bool) {
	c, ok := s.meter.Count(scope, u, window)
	return s.withRaises(c), ok
}

func (s *Server) withRaises(c meter.Count) counted {
	raised := counted{c, s.raises.By(c.Scope, c.Unit, c.Window)}
	if c.Max > 0 {
		raised.Max = llm.Add(c.Max, raised.Raised)
	}
	return raised
}

func (c counted) compare(o counted) int { return c.Count.Compare(o.Count) }

// used returns what counts as used of the maximum. Requests in flight use up a limit on their
// number, and of others hold more than they will use.
func (c counted) used() float64 {
	if c.Unit == llm.UnitConcurrent {
		return float64(c.Reserved)
	}
	return float64(c.Spent)
}

// share returns how much of the maximum is used; -1 without one.
func (c counted) share() float64 {
	if c.Max <= 0 {
		return -1
	}
	return c.used() / float64(c.Max)
}

// percent returns how much of the maximum is used, in whole percent; nil without one.
func (c counted) percent() *int {
	if c.Max <= 0 {
		return nil
	}
	percent := int(min(100*c.used()/float64(c.Max), 1e6))
	return &percent
}

// fuller orders counters by how much of them is used, the fullest first.
func fuller(a, b counted) int { return cmp.Or(cmp.Compare(b.share(), a.share()), a.compare(b)) }

// budgets returns a page of the counters for operators.
func (s *Server) budgets(q admin.BudgetsQuery) (BudgetList, error) {
	list := BudgetList{Budgets: []Budget{}}
	names, err := parseAfter(q.After, 3)
	if err != nil {
		return list, err
	}
	after := counted{}
	if names != nil {
		after.Scope, after.Unit, after.Window = names[0], llm.Unit(names[1]), names[2]
	}
	follows := func(c counted) bool { return names == nil || c.compare(after) > 0 }
	fitting := s.counts(func(c counted) bool { return follows(c) && fits(&q, c) })
	page, next := pageOf(least(q.Limit+1, fitting, counted.compare), q.Limit, follows, func(c counted) string {
		return afterOf(c.Scope, string(c.Unit), c.Window)
	})
	for _, c := range page {
		list.Budgets = append(list.Budgets, budgetOf(c))
	}
	list.Next = next
	return list, nil
}

// fits reports whether a query asks for a counter.
func fits(q *admin.BudgetsQuery, c counted) bool {
	return (q.Unit == "" || c.Unit == q.Unit) && (q.Full == 0 || c.share() >= q.Full) && llm.MatchName(cmp.Or(q.Scope, "*"), c.Scope)
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

// correct sets what a counter counts as used, and books the difference. It returns the counter.
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
	list := BudgetList{Budgets: []Budget{}}
	if corrected, ok := s.count(c.Scope, c.Unit, c.Window); ok {
		list.Budgets = append(list.Budgets, budgetOf(corrected))
	}
	return list, nil
}
