package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/server"
)

// addPeriod adds the flags of a period, which reaches back a week by default.
func addPeriod(cmd *cobra.Command, since, until *string) {
	cmd.Flags().StringVar(since, "since", "7d", "how far back: 90m, 24h, 7d, or a time such as 2026-11-01")
	cmd.Flags().StringVar(until, "until", "", "until when, in the same forms (default: now)")
}

// parsePeriod reads what addPeriod has added.
func parsePeriod(since, until string) (from, to time.Time, err error) {
	if from, err = parseTime(since, time.Now()); err != nil {
		return from, to, fmt.Errorf("--since: %w", err)
	}
	if to, err = parseTime(until, time.Now()); err != nil {
		return from, to, fmt.Errorf("--until: %w", err)
	}
	return from, to, nil
}

// onRecords has a server that sends nothing do something with the ledger's records.
func onRecords[T any](ctx context.Context, e *environment, do func(*server.Server, *ledger.Reader) (T, error)) (result T, err error) {
	l, err := e.options.OpenLedger(ctx)
	if err != nil {
		return result, err
	}
	defer l.Close()
	err = e.withDryServer(ctx, func(s *server.Server) (err error) {
		result, err = do(s, l)
		return err
	})
	return result, err
}

// withDryServer calls use with a server that sends nothing and needs no secrets.
func (e *environment) withDryServer(ctx context.Context, use func(*server.Server) error) error {
	c, err := e.options.LoadWithoutSecrets(ctx)
	if err != nil {
		return err
	}
	s, err := server.OpenDry(ctx, e.options, c)
	if err != nil {
		return err
	}
	return errors.Join(use(s), s.Close(ctx))
}
