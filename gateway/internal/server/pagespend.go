package server

import (
	"context"
	"net/url"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxPageRows bounds the rows that a page sums up.
const maxPageRows = 200_000

// Spend sums up requests for a page.
func (p pages) Spend(ctx context.Context, q dashboard.SpendQuery) ([]dashboard.SpendRow, error) {
	report, err := p.server.ledger.Spend(ctx, ledger.Query{By: q.By, Since: q.Since, Until: q.Until, Zone: q.Zone, Where: q.Where, Limit: maxPageRows})
	if err != nil {
		return nil, err
	}
	rows := make([]dashboard.SpendRow, len(report.Rows))
	for i, r := range report.Rows {
		rows[i] = dashboard.SpendRow{Values: r.Values, Requests: r.Requests, Errors: r.Errors, Input: r.InputTokens, Output: r.OutputTokens,
			Unpriced: r.UnpricedRequests, Hits: r.CacheHits, Cost: r.Cost, EstimatedCost: r.EstimatedCost, Saved: r.Saved}
	}
	return rows, nil
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

// DayLimit returns the budget in money per day of a scope; 0 without one.
func (p pages) DayLimit(scope string) llm.NanoUSD {
	c, _ := p.server.count(scope, llm.UnitUSD, "day")
	return llm.NanoUSD(c.Max)
}
