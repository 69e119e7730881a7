package server

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/holds"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/telemetry"
)

const (
	// pruneEvery is how often the server looks for records that are too old, pruneStep how
	// many of them it deletes at once. If there are more, it continues a second later.
	pruneEvery = time.Minute
	pruneStep  = 5000
)

// maintenance is the work that goes on beside the requests: reloads, reservations, the
// ledger and probes.
type maintenance struct {
	*Server
	// reported is the ledger's health as it was last logged.
	reported ledger.Health
	// nextPrune is when to look for old records next.
	nextPrune time.Time

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func (s *Server) startMaintenance(ctx context.Context) *maintenance {
	ctx, cancel := context.WithCancel(ctx)
	m := &maintenance{Server: s, cancel: cancel}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	m.wg.Go(func() { m.reloadOn(ctx, hup) })
	m.wg.Go(func() { m.tick(ctx) })
	m.wg.Go(func() { s.newProber().run(ctx) })
	m.wg.Go(func() { s.pollBundle(ctx) })
	started := time.Now()
	m.wg.Go(func() { s.prime(ctx, started) })
	return m
}

// stop ends the maintenance and waits for it.
func (m *maintenance) stop() {
	m.cancel()
	m.wg.Wait()
}

// reloadOn reloads on SIGHUP and when a file has changed.
func (m *maintenance) reloadOn(ctx context.Context, hup chan os.Signal) {
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			m.reloadAudited(ctx, "on SIGHUP")
		case <-m.changed:
			m.reloadAudited(ctx, "a file has changed")
		}
	}
}

// tick does what has to be done every second.
func (m *maintenance) tick(ctx context.Context) {
	tick := time.NewTicker(holds.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			m.holds.Tend(ctx, now)
			m.ledger.Check(ctx)
			m.refreshRaises(ctx)
			m.report(m.ledger.Health())
			m.tendKeys(ctx)
			m.prune(ctx, now)
			m.watchCircuits()
			m.watchPlugins()
		}
	}
}

// report logs changes of the ledger's health: at most one line a second, however many
// requests fail.
func (m *maintenance) report(h ledger.Health) {
	records := []any{slog.Int("waiting", h.Waiting), slog.Int64("lost", h.Lost)}
	switch {
	case h.Fault != nil && (m.reported.Fault == nil || m.reported.Fault.Message != h.Fault.Message || m.reported.Waiting != h.Waiting || m.reported.Lost != h.Lost):
		m.log.Error(h.Fault.Message, append(records, slog.String("on_ledger_failure", string(m.snapshot.Load().config.OnLedgerFailure)), slog.Any("err", h.Fault.Err))...)
	case h.Fault == nil && m.reported.Fault != nil:
		m.log.Info("the ledger can be written again", records...)
	}
	m.reported = h
}

// refreshRaises notices raises that another process has made or ended.
func (m *maintenance) refreshRaises(ctx context.Context) {
	if err := m.raises.Refresh(ctx); err != nil && ctx.Err() == nil {
		m.log.Debug("read the raises of limits", "err", err) // those that are known stay; the ledger's health reports the fault
	}
}

// prune deletes some of the records that are older than the configuration's retention.
func (m *maintenance) prune(ctx context.Context, now time.Time) {
	keep := m.snapshot.Load().config.Retention
	if keep.Records == 0 || now.Before(m.nextPrune) || m.reported.Fault != nil {
		return
	}
	m.pruneAudit(ctx, now.Add(-keep.Records))
	n, err := m.ledger.Prune(ctx, ledger.Keep(now, keep.Records, keep.Sums), pruneStep)
	if err != nil {
		m.log.Warn("delete old usage records", "err", err)
	}
	if n > 0 {
		m.log.Info("deleted old usage records", "records", n, "retention", keep.Records.String())
	}
	if n < pruneStep {
		m.nextPrune = now.Add(pruneEvery)
	}
}

// recordable returns an error while requests can't be recorded, unless the configuration
// wants them served all the same.
func (s *Server) recordable(c *config.Config) error {
	if c.OnLedgerFailure == config.LedgerServe {
		return nil
	}
	fault := s.ledger.Health().Fault
	if fault == nil {
		return nil
	}
	return &llm.Error{Code: fault.Code, Status: fault.Status, RetryAfter: fault.RetryAfter, Err: fault.Err,
		Message: fault.Message + " Requests that can't be recorded are refused (on_ledger_failure)."}
}

// ledgerMetrics returns the ledger's metrics.
func (s *Server) ledgerMetrics() telemetry.Ledger {
	if s.ledger == nil {
		return telemetry.Ledger{}
	}
	h := s.ledger.Health()
	return telemetry.Ledger{Failing: h.Fault != nil, Lag: s.ledger.Lag(), Waiting: int64(h.Waiting), Lost: h.Lost}
}
