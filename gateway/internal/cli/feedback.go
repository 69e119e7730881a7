package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) feedbackCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "feedback",
		Short: "Show what callers say of replies, and export it to train a classifier",
		Args:  exactly(0, "list or export"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.feedbackListCommand(), e.feedbackExportCommand())
	return cmd
}

func (e *environment) feedbackListCommand() *cobra.Command {
	var since, output string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List feedback, the newest first",
		Example: "  penstock feedback list --since 7d\n  penstock feedback list --since 24h --limit 1000 -o json",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := parseTime(since, time.Now())
			if err != nil {
				return &usageError{fmt.Errorf("--since: %w", err)}
			}
			if limit < 1 || limit > 1000 {
				return &usageError{fmt.Errorf("--limit must be from 1 to 1000")}
			}
			l, err := e.options.OpenLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer l.Close()
			list, err := l.Feedbacks(cmd.Context(), from, limit)
			if err != nil {
				return messageOnly(err)
			}
			if output == "json" {
				return e.printJSON(list)
			}
			return e.printFeedback(list)
		},
	}
	cmd.Flags().StringVar(&since, "since", "7d", "how far back: 90m, 24h, 7d, or a time such as 2026-11-01")
	cmd.Flags().IntVar(&limit, "limit", 100, "the most to list, up to 1000")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) printFeedback(list []llm.Feedback) error {
	if len(list) == 0 {
		fmt.Fprintln(e.stderr, "There is no feedback of that time. Callers send it to POST /v1/feedback.")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "REQUEST\tKEY\tTIME\tSCORE\tLABEL\tCOMMENT")
	for _, f := range list {
		fmt.Fprintln(w, cells(f.RequestID, dash(f.KeyID), f.Time.Format(time.RFC3339), strconv.FormatFloat(f.Score, 'g', -1, 64), dash(f.Label), dash(f.Comment)))
	}
	return w.Flush()
}

func (e *environment) feedbackExportCommand() *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print prompts with their outcomes as lines of JSON, to train a classifier",
		Long: "Prints a line {\"request_id\", \"prompt\", \"target\", \"score\", \"label\"} for each feedback on a request whose text the\n" +
			"policy keeps (log obligation \"full\"). The prompt is the text of the last user message, which is what classifiers get.",
		Example: "  penstock feedback export --since 30d > outcomes.jsonl",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := parseTime(since, time.Now())
			if err != nil {
				return &usageError{fmt.Errorf("--since: %w", err)}
			}
			skipped, err := e.exportFeedback(cmd.Context(), from)
			if err != nil {
				return messageOnly(err)
			}
			if skipped > 0 {
				fmt.Fprintf(e.stderr, "%d left out: the text of their requests is not kept. The policy's log obligation \"full\" keeps it.\n", skipped)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&since, "since", "30d", "how far back: 90m, 24h, 7d, or a time such as 2026-11-01")
	return cmd
}

func (e *environment) exportFeedback(ctx context.Context, since time.Time) (skipped int64, err error) {
	l, err := e.options.OpenLedger(ctx)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	lines := json.NewEncoder(e.stdout)
	lines.SetEscapeHTML(false)
	err = e.withDryServer(ctx, func(s *server.Server) error {
		return s.Examples(ctx, l, since, func(x server.Example) error {
			if x.Prompt == "" {
				skipped++
				return nil
			}
			return lines.Encode(x)
		})
	})
	return skipped, err
}
