package cli

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func (e *environment) spendCommand() *cobra.Command {
	var by []string
	var since, until, output string
	cmd := &cobra.Command{
		Use:   "spend",
		Short: "Show who used what and what it cost",
		Example: "  penstock spend --by model --since 24h\n" +
			"  penstock spend --by team,tag:usecase --since 7d -o csv",
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := ledger.Query{By: by}
			var err error
			if q.Since, err = parseTime(since, time.Now()); err != nil {
				return &usageError{fmt.Errorf("--since: %w", err)}
			}
			if q.Until, err = parseTime(until, time.Now()); err != nil {
				return &usageError{fmt.Errorf("--until: %w", err)}
			}
			l, err := e.options.OpenLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer l.Close()
			report, err := l.Spend(cmd.Context(), q)
			if err != nil {
				return messageOnly(err)
			}
			return e.printSpend(output, by, report)
		},
	}
	cmd.Flags().StringSliceVar(&by, "by", []string{"model"}, "what to group by: model, target, provider, team, key, user, route, day, tag:NAME")
	cmd.Flags().StringVar(&since, "since", "24h", "how far back: 90m, 24h, 7d, or a time such as 2026-11-01")
	cmd.Flags().StringVar(&until, "until", "", "until when, in the same forms (default: now)")
	addOutput(cmd, &output, "table", "json", "csv")
	return cmd
}

// parseTime parses how long ago, a date, or a time with its date. The empty string is the
// zero time.
func parseTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("invalid time %q; write 24h, 7d or 2026-11-01", s)
}

func (e *environment) printSpend(output string, by []string, report ledger.Report) error {
	switch output {
	case "json":
		return e.printJSON(report)
	case "csv":
		return e.printSpendCSV(by, report)
	}
	if len(report.Rows) == 0 {
		fmt.Fprintln(e.stderr, "Nothing was used in that time.")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, strings.ToUpper(cells(by...))+"\tREQUESTS\tINPUT\tOUTPUT\tCOST\tUNPRICED\tCACHE HITS\tSAVED\tPROMPT CACHE\t")
	costs := llm.Dollars(amounts(report, func(s ledger.Sums) llm.NanoUSD { return s.Cost })...)
	saved := llm.Dollars(amounts(report, func(s ledger.Sums) llm.NanoUSD { return s.Saved })...)
	prompt := llm.Dollars(amounts(report, func(s ledger.Sums) llm.NanoUSD { return s.PromptSaved })...)
	for i, r := range report.Rows {
		fmt.Fprintln(w, cells(dashes(r.Values)...)+"\t"+sums(r.Sums, costs[i], saved[i], prompt[i])+"\t")
	}
	last := len(report.Rows)
	fmt.Fprintln(w, "total"+strings.Repeat("\t", max(len(by), 1))+sums(report.Total, costs[last], saved[last], prompt[last])+"\t")
	return w.Flush()
}

// amounts returns a column of the report, the total last.
func amounts(r ledger.Report, of func(ledger.Sums) llm.NanoUSD) []llm.NanoUSD {
	column := make([]llm.NanoUSD, 0, len(r.Rows)+1)
	for _, row := range r.Rows {
		column = append(column, of(row.Sums))
	}
	return append(column, of(r.Total))
}

func sums(s ledger.Sums, cost, saved, prompt string) string {
	return fmt.Sprintf("%d\t%d\t%d\t%s\t%d\t%d\t%s\t%s", s.Requests, s.InputTokens, s.OutputTokens, cost, s.UnpricedRequests, s.CacheHits, saved, prompt)
}

func dashes(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = dash(v)
	}
	return out
}

// escapeAll returns values that a spreadsheet does not run as formulas.
func escapeAll(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = admin.EscapeFormula(v)
	}
	return out
}

func (e *environment) printSpendCSV(by []string, report ledger.Report) error {
	w := csv.NewWriter(e.stdout)
	header := append(escapeAll(by), "requests", "errors", "input_tokens", "output_tokens", "cost_usd", "unpriced_requests", "cache_hits", "saved_usd", "prompt_cache_saved_usd")
	if err := w.Write(header); err != nil {
		return err
	}
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	for _, r := range report.Rows {
		s := r.Sums
		row := append(escapeAll(r.Values), n(s.Requests), n(s.Errors), n(s.InputTokens), n(s.OutputTokens),
			s.Cost.Decimal(), n(s.UnpricedRequests), n(s.CacheHits), s.Saved.Decimal(), s.PromptSaved.Decimal())
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
