package server

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxPageRows bounds the rows that a page sums up.
const maxPageRows = 200_000

// Spend sums up requests for a page. Rows beyond maxPageRows are in the total only.
func (p pages) Spend(ctx context.Context, q dashboard.SpendQuery) (dashboard.SpendReport, error) {
	report, err := p.server.ledger.Spend(ctx, ledger.Query{By: q.By, Since: q.Since, Until: q.Until, Zone: q.Zone, Where: q.Where, Limit: maxPageRows})
	if err != nil {
		return dashboard.SpendReport{}, err
	}
	out := dashboard.SpendReport{Rows: make([]dashboard.SpendRow, len(report.Rows)), Total: spendRow(nil, &report.Total)}
	for i := range report.Rows {
		out.Rows[i] = spendRow(report.Rows[i].Values, &report.Rows[i].Sums)
	}
	return out, nil
}

func spendRow(values []string, s *ledger.Sums) dashboard.SpendRow {
	return dashboard.SpendRow{Values: values, Requests: s.Requests, Errors: s.Errors, Input: s.InputTokens, Output: s.OutputTokens,
		Unpriced: s.UnpricedRequests, Hits: s.CacheHits, Cost: s.Cost, EstimatedCost: s.EstimatedCost, Saved: s.Saved}
}

// SpendCSV answers the admin API's spend as a table.
func (p pages) SpendCSV(ctx context.Context, query url.Values) ([]byte, error) {
	q, err := admin.ParseSpend(query, time.Now())
	if err != nil {
		return nil, err
	}
	report, err := operators(p).Spend(ctx, q)
	if err != nil {
		return nil, err
	}
	return admin.CSV(report)
}

// MoneyBudgets lists the budgets in money of a scope.
func (p pages) MoneyBudgets(scope string) (list []dashboard.Count) {
	for c := range p.server.counts(func(c counted) bool { return c.Scope == scope && c.Unit == llm.UnitUSD && c.Max > 0 }) {
		list = append(list, p.countOf(&c))
	}
	slices.SortFunc(list, func(a, b dashboard.Count) int { return strings.Compare(a.Window, b.Window) })
	return list
}
