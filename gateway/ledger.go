package main

import (
	"context"
	"errors"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/ledger"
)

// readLedger opens the ledger that the configuration names, to read it or to manage
// keys in it. The server may be running at the same time. The providers' secrets are not
// needed for that.
func (a *app) readLedger(ctx context.Context) (*ledger.Reader, error) {
	c, err := a.loadWith(ctx, nil)
	if err != nil {
		return nil, err
	}
	l, err := ledger.Attach(ctx, string(c.Ledger))
	return l, ledgerHint(err)
}

func ledgerHint(err error) error {
	if errors.Is(err, ledger.ErrInUse) {
		return hint(err, "each server needs a ledger of its own: name another file with `ledger:` in the configuration")
	}
	return hint(err, "the ledger is set by `ledger:` in the configuration; it needs a folder that can be written to")
}

// openLedger opens the ledger and the keys in it, and brings the meters to where an
// earlier process left them. What that had reserved and never settled is booked as
// what was seen of it.
func (g *gateway) openLedger(ctx context.Context, c *config.Config) (err error) {
	if g.ledger, err = ledger.Open(ctx, string(c.Ledger), ledger.Options{Log: g.log}); err != nil {
		return ledgerHint(err)
	}
	if g.keys, err = keys.Open(ctx, g.ledger.DB(), keys.Options{}); err != nil {
		return err
	}
	orphans, err := g.ledger.Sweep(ctx)
	if err != nil {
		return err
	}
	for _, o := range orphans {
		g.log.Warn("booked a request that an earlier process did not finish, at an estimate", "request", o.ID, "charges", len(o.Charges))
	}
	totals, err := g.ledger.Totals(ctx, time.Now())
	if err != nil {
		return err
	}
	g.meter.Restore(totals)
	g.holds.ledger, g.holds.sinks = g.ledger, g.sinks()
	return nil
}
