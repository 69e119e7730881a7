package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/telemetry"
)

const (
	// pruneEvery is how often records that are too old are looked for, pruneStep how many
	// of them are deleted at once; when there are more, the next step follows a second
	// later.
	pruneEvery = time.Minute
	pruneStep  = 5000
)

// maintenance is what has to be done every second while a gateway serves.
type maintenance struct {
	*gateway
	// said is what of the ledger's health has been logged.
	said ledger.Health
	// prune is when to look for old records next.
	prune time.Time
}

// run goes on until ctx ends.
func (m *maintenance) run(ctx context.Context) {
	tick := time.NewTicker(holdEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			m.holds.tend(ctx, now)
			m.ledger.Check(ctx)
			m.report(m.ledger.Health())
			m.retain(ctx, now)
		}
	}
}

// report logs what has changed about the ledger's health: at most a line a second,
// however many requests meet it.
func (m *maintenance) report(h ledger.Health) {
	records := []any{slog.Int("waiting", h.Waiting), slog.Int64("lost", h.Lost)}
	switch {
	case h.Fault != nil && (m.said.Fault == nil || m.said.Fault.Message != h.Fault.Message || m.said.Waiting != h.Waiting || m.said.Lost != h.Lost):
		m.log.Error(h.Fault.Message, append(records, slog.String("on_ledger_failure", string(m.world.Load().config.OnLedgerFailure)), slog.Any("err", h.Fault.Err))...)
	case h.Fault == nil && m.said.Fault != nil:
		m.log.Info("the ledger can be written again", records...)
	}
	m.said = h
}

// retain deletes the next few of the records that are older than the configuration
// says.
func (m *maintenance) retain(ctx context.Context, now time.Time) {
	keep := m.world.Load().config.Retention
	if keep == 0 || now.Before(m.prune) || m.said.Fault != nil {
		return
	}
	n, err := m.ledger.Prune(ctx, now.Add(-keep), pruneStep)
	if err != nil {
		m.log.Warn("delete old usage records", "err", err)
	}
	if n > 0 {
		m.log.Info("deleted old usage records", "records", n, "retention", keep.String())
	}
	if n < pruneStep {
		m.prune = now.Add(pruneEvery)
	}
}

// bookable refuses a request while it can't be recorded, unless the configuration wants
// to go on without.
func (g *gateway) bookable(c *config.Config) error {
	if c.OnLedgerFailure == config.LedgerServe {
		return nil
	}
	fault := g.ledger.Health().Fault
	if fault == nil {
		return nil
	}
	return &llm.Error{Code: fault.Code, Status: fault.Status, RetryAfter: fault.RetryAfter, Err: fault.Err,
		Message: fault.Message + " Requests that can't be recorded are refused (on_ledger_failure)."}
}

// ledgerFigures are the ledger's for the metrics.
func (g *gateway) ledgerFigures() telemetry.Ledger {
	if g.ledger == nil {
		return telemetry.Ledger{}
	}
	h := g.ledger.Health()
	return telemetry.Ledger{Failing: h.Fault != nil, Behind: h.Behind != nil, Waiting: int64(h.Waiting), Lost: h.Lost}
}
