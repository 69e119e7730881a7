package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/ledger"
)

func (e *environment) ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Back up the ledger, delete old records, show what it holds",
		Long:  "The ledger has the usage records, the sums that spend is reported from, and the keys. All of these work while the gateway is running.",
	}
	cmd.AddCommand(e.ledgerInfoCommand(), e.ledgerBackupCommand(), e.ledgerPruneCommand())
	return cmd
}

// withLedger calls use with the ledger of the configuration, which must exist.
func (e *environment) withLedger(ctx context.Context, use func(*config.Config, *ledger.Reader) error) error {
	c, err := e.options.LoadWithoutSecrets(ctx)
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.Ledger.File()); errors.Is(err, fs.ErrNotExist) {
		return hint.Add(fmt.Errorf("there is no ledger %s", c.Ledger.File()), "name the gateway's configuration with -c; penstock serve makes the ledger when it starts")
	}
	l, err := e.options.OpenLedger(ctx)
	if err != nil {
		return err
	}
	return errors.Join(use(c, l), l.Close())
}

func (e *environment) ledgerInfoCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "info",
		Short:   "Show the ledger's size, its oldest record and its journal",
		Example: "  penstock ledger info\n  penstock ledger info -o json",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withLedger(cmd.Context(), func(c *config.Config, l *ledger.Reader) error {
				info, err := l.Info(cmd.Context(), string(c.Ledger.URL))
				if err != nil {
					return err
				}
				if output == "json" {
					return e.printJSON(info)
				}
				e.printLedger(info)
				return nil
			})
		},
	}
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) printLedger(i ledger.Info) {
	use := "no server writes it"
	if i.InUse {
		use = "a server writes it"
	}
	fmt.Fprintf(e.stdout, "file      %s, schema %d, %s\n", i.File, i.Schema, use)
	fmt.Fprintf(e.stdout, "size      %s, of which %s are free; SQLite's log %s\n", byteSize(i.Bytes), byteSize(i.Free), byteSize(i.Log))
	fmt.Fprintf(e.stdout, "journal   %d files, %s, of which %s are not in the database yet\n", i.Segments, byteSize(i.Journal), byteSize(i.Behind))
	fmt.Fprintf(e.stdout, "records   %d%s\n", i.Records, between(i.Oldest, i.Newest))
	fmt.Fprintf(e.stdout, "sums      %d%s\n", i.Sums, between(i.OldestSum, time.Time{}))
	fmt.Fprintf(e.stdout, "feedback  %d\n", i.Feedback)
}

// between formats a period; empty without a beginning.
func between(from, to time.Time) string {
	switch {
	case from.IsZero():
		return ""
	case to.IsZero():
		return ", since " + from.Format(time.RFC3339)
	}
	return fmt.Sprintf(", %s to %s", from.Format(time.RFC3339), to.Format(time.RFC3339))
}

// byteSize formats an amount of data for people.
func byteSize(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

func (e *environment) ledgerBackupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a checked copy of the ledger to a new file",
		Long: "The copy has everything that was acknowledged when the command started, as one SQLite database without a journal. It is\n" +
			"checked before it gets its name, and an existing file is never overwritten. Keep it as safe as the ledger: it has the\n" +
			"hashes of keys, and prompts where the policy keeps them. Requests in flight are not in it.\n\n" +
			"To restore, stop the gateway, move the ledger and the files beside it (penstock.db*) away, copy the backup to the\n" +
			"ledger's place with mode 600, and start the gateway.",
		Example: "  penstock ledger backup penstock-$(date +%F).db",
		Args:    exactly(1, "the file to write"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withLedger(cmd.Context(), func(_ *config.Config, l *ledger.Reader) error {
				started := time.Now()
				info, err := l.Backup(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				fmt.Fprintf(e.stdout, "%s: %d records, %d sums, %s, checked, in %d ms\n", args[0], info.Records, info.Sums, byteSize(info.Bytes), time.Since(started).Milliseconds())
				return nil
			})
		},
	}
}

func (e *environment) ledgerPruneCommand() *cobra.Command {
	var before, keep, sums string
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Delete old usage records, and with --sums old sums, now",
		Long: "The gateway deletes what is older than `retention` by itself; this deletes more, once. Budgets do not depend on records, and\n" +
			"spend reports use the sums, which stay unless --sums is given. The file does not shrink: what is free is used again.\n" +
			"A backup is compact.",
		Example: "  penstock ledger prune --keep 30d\n  penstock ledger prune --before 2026-01-01 --sums 1y",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cutoff, err := parseCutoff(before, keep, sums, time.Now())
			if err != nil {
				return &usageError{err}
			}
			return e.withLedger(cmd.Context(), func(_ *config.Config, l *ledger.Reader) error {
				n, err := l.Prune(cmd.Context(), cutoff)
				if err == nil || n > 0 {
					fmt.Fprintf(e.stdout, "deleted %d records of before %s\n", n, cutoff.Records.UTC().Format(time.RFC3339))
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "delete records written before this time, such as 2026-01-01")
	cmd.Flags().StringVar(&keep, "keep", "", "delete records older than this, such as 90d")
	cmd.Flags().StringVar(&sums, "sums", "", "delete the sums of hours before this, too: a time, or how long to keep them, such as 3y")
	return cmd
}

// parseCutoff reads the flags of prune. A cutoff in the future would delete what is being
// written, so it is refused.
func parseCutoff(before, keep, sums string, now time.Time) (c ledger.Cutoff, err error) {
	if (before == "") == (keep == "") {
		return c, hint.Add(errors.New("either --before or --keep is needed"), "penstock ledger prune --keep 90d")
	}
	if c.Records, err = pastTime(before+keep, now); err != nil {
		return c, fmt.Errorf("--before or --keep: %w", err)
	}
	if sums == "" {
		return c, nil
	}
	if c.Sums, err = pastTime(sums, now); err != nil {
		return c, fmt.Errorf("--sums: %w", err)
	}
	if c.Sums.After(c.Records) {
		return c, errors.New("--sums is later than the time before which records go: sums are kept at least as long")
	}
	return c, nil
}

func pastTime(s string, now time.Time) (time.Time, error) {
	at, err := parseTime(s, now)
	if err == nil && !at.Before(now) {
		err = fmt.Errorf("%q is not in the past", s)
	}
	return at, err
}
