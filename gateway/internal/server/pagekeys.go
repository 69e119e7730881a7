package server

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func (p pages) Keys() *keys.Keys { return p.server.keys }

func (p pages) AuditLog() *audit.Log { return p.server.audit }

func (p pages) Audit(ctx context.Context, e audit.Entry) { p.server.addAudit(ctx, e) }

// Count returns what is used of one limit, with the raises in force.
func (p pages) Count(scope string, u llm.Unit, window string) (dashboard.Count, bool) {
	c, ok := p.server.count(scope, u, window)
	return p.countOf(&c), ok
}

// Fullest lists the limits that are used most, with the raises in force.
func (p pages) Fullest(scope string, n int) (list []dashboard.Count, all int) {
	counts := p.server.counts(func(c counted) bool {
		fits := llm.MatchName(scope, c.Scope)
		if fits {
			all++
		}
		return fits
	})
	for _, c := range least(n, counts, fuller) {
		list = append(list, p.countOf(&c))
	}
	return list, all
}

// countOf is a counter as the pages show it.
func (p pages) countOf(c *counted) dashboard.Count {
	return dashboard.Count{Scope: c.Scope, Unit: c.Unit, Window: c.Window, Used: c.Spent, Reserved: c.Reserved, Max: c.Max, Raised: c.Raised > 0 && c.Max > 0, Starts: c.Starts, Resets: c.Resets}
}

// Raises lists the raises in force.
func (p pages) Raises() []dashboard.Raise {
	var out []dashboard.Raise
	for _, r := range p.server.raises.List() {
		out = append(out, dashboard.Raise{ID: r.ID, Scope: r.Scope, Unit: r.Unit, Window: r.Window, By: r.By, Until: r.Until, Reason: r.Reason, Operator: r.Operator})
	}
	return out
}

func (p pages) Raise(ctx context.Context, ask dashboard.RaiseAsk, operator string) error {
	_, err := p.server.raise(ctx, admin.RaiseSpec{Scope: ask.Scope, Unit: llm.Unit(ask.Unit), Window: ask.Window, By: json.Number(strings.TrimPrefix(ask.By, "$")), Until: ask.Until, Reason: ask.Reason}, operator)
	return err
}

func (p pages) EndRaise(ctx context.Context, id string) error {
	_, err := p.server.endRaise(ctx, id)
	return err
}
