package server

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/raises"
)

// OpenLedger opens the ledger that the configuration names, for reading. The gateway may
// be running. The caller closes the reader.
func (o *Options) OpenLedger(ctx context.Context) (*ledger.Reader, error) {
	c, err := o.LoadWithoutSecrets(ctx)
	if err != nil {
		return nil, err
	}
	l, err := ledger.Attach(ctx, string(c.Ledger.URL))
	return l, withLedgerHint(err)
}

// OpenKeys opens the virtual keys in that ledger, and the audit log of their changes. The
// gateway may be running. The caller closes the ledger.
func (o *Options) OpenKeys(ctx context.Context) (*keys.Keys, *audit.Log, io.Closer, error) {
	l, err := o.OpenLedger(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	k, err := keys.Open(ctx, l.DB(), keys.Options{})
	if err != nil {
		return nil, nil, nil, errors.Join(err, l.Close())
	}
	log, err := audit.Open(ctx, l.DB())
	if err != nil {
		return nil, nil, nil, errors.Join(err, l.Close())
	}
	return k, log, l, nil
}

func withLedgerHint(err error) error {
	if errors.Is(err, ledger.ErrInUse) {
		return hint.Add(err, "each server needs a ledger of its own: name another file with `ledger:` in the configuration")
	}
	return hint.Add(err, "the ledger is set by `ledger:` in the configuration; it needs a folder that can be written to")
}

// openLedger opens the ledger and the keys in it, and restores the meters from it.
// Reservations that an earlier process never settled are booked at an estimate.
func (s *Server) openLedger(ctx context.Context, c *config.Config) (err error) {
	if s.ledger, err = ledger.Open(ctx, string(c.Ledger.URL), ledger.Options{Log: s.log, Sync: c.Ledger.Sync == config.SyncFull}); err != nil {
		return withLedgerHint(err)
	}
	if s.keys, err = keys.Open(ctx, s.ledger.DB(), keys.Options{}); err != nil {
		return err
	}
	if s.raises, err = raises.Open(ctx, s.ledger.DB(), time.Now); err != nil {
		return err
	}
	if s.audit, err = audit.Open(ctx, s.ledger.DB()); err != nil {
		return err
	}
	orphans, err := s.ledger.Sweep(ctx)
	if err != nil {
		return err
	}
	for _, o := range orphans {
		s.log.Warn("booked a request that an earlier process did not finish, at an estimate", "request", o.ID, "charges", len(o.Charges))
	}
	totals, err := s.ledger.Totals(ctx, time.Now())
	if err != nil {
		return err
	}
	s.meter.Restore(totals)
	return nil
}
