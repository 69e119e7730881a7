package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/similar"
)

func (e *environment) cacheShadowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shadow",
		Short: "Show what the similarity cache did, or would have done",
		Args:  exactly(0, "report"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.cacheShadowReportCommand())
	return cmd
}

func (e *environment) cacheShadowReportCommand() *cobra.Command {
	var since, until, output string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Count similar requests, and how often the stored reply agreed with the target's",
		Long: "Counts the requests in the ledger whose route has similar: shadow, or similar: on. In shadow mode, and for the sample\n" +
			"of mode on, the target is asked although there is a reply to a similar request, and both replies are compared. They\n" +
			"agree if their words are similar, by 0.8 at least. That stands in for the question whether they say the same: replies\n" +
			"in other words agree less than they should, replies that differ in one number more. Read some pairs yourself, too.",
		Example: "  penstock cache shadow report --since 7d\n  penstock cache shadow report -o json",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := parseTime(since, time.Now())
			if err != nil {
				return &usageError{fmt.Errorf("--since: %w", err)}
			}
			to, err := parseTime(until, time.Now())
			if err != nil {
				return &usageError{fmt.Errorf("--until: %w", err)}
			}
			l, err := e.options.OpenLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer l.Close()
			counts, err := l.Similar(cmd.Context(), from, to)
			if err != nil {
				return err
			}
			return e.printShadow(output, newShadowReport(counts))
		},
	}
	cmd.Flags().StringVar(&since, "since", "7d", "how far back: 90m, 24h, 7d, or a time such as 2026-11-01")
	cmd.Flags().StringVar(&until, "until", "", "until when, in the same forms (default: now)")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

// shadowReport is what penstock cache shadow report prints as JSON.
type shadowReport struct {
	Rows  []shadowRow `json:"rows"`
	Total shadowRow   `json:"total"`
}

type shadowRow struct {
	ledger.SimilarCounts
	// Agreement is the share of the compared replies that agreed.
	Agreement similar.Share `json:"agreement"`
}

func newShadowReport(counts []ledger.SimilarCounts) shadowReport {
	report := shadowReport{Rows: []shadowRow{}}
	total := ledger.SimilarCounts{Refused: map[string]int{}}
	for _, c := range counts {
		report.Rows = append(report.Rows, shadowRow{c, similar.NewShare(c.Agreed, c.Compared)})
		total.Add(c)
	}
	report.Total = shadowRow{total, similar.NewShare(total.Agreed, total.Compared)}
	return report
}

func (e *environment) printShadow(output string, r shadowReport) error {
	if output == "json" {
		return e.printJSON(r)
	}
	if len(r.Rows) == 0 {
		fmt.Fprintln(e.stderr, "No request was looked up. Set cache: {ttl: 1h, similar: shadow} for a model.")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ROUTE\tREQUESTS\tSKIPPED\tSIMILAR\tSERVED\tCOMPARED\tAGREED\tREFUSED BY")
	for _, row := range r.Rows {
		printShadowRow(w, dash(row.Route), row)
	}
	printShadowRow(w, "total", r.Total)
	return w.Flush()
}

func printShadowRow(w *tabwriter.Writer, name string, r shadowRow) {
	var refused []string
	for _, guard := range slices.Sorted(maps.Keys(r.Refused)) {
		refused = append(refused, fmt.Sprintf("%s %d", guard, r.Refused[guard]))
	}
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", cells(name), r.Requests, r.Skipped, r.Similar, r.Served, r.Compared, share(r.Agreement), dash(strings.Join(refused, ", ")))
}
