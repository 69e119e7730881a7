package cli

import (
	"context"
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
	var o spendOptions
	cmd := &cobra.Command{
		Use:   "spend",
		Short: "Show who used what and what it cost",
		Long: "The table ends with the cost over time: one bar an hour, or a day if more than two days are shown. ESTIMATED is the part\n" +
			"of the cost whose usage is an estimate, because requests were cut off; requests to targets without a known price are\n" +
			"counted as UNPRICED and not in the cost.",
		Example: "  penstock spend --by model --since 24h\n" +
			"  penstock spend --by team,tag:usecase --since 7d -o csv\n" +
			"  penstock spend --by month,team --since 2026-01-01 --zone Europe/Berlin --where provider=openai",
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error { return e.spend(cmd.Context(), &o) },
	}
	cmd.Flags().StringSliceVar(&o.by, "by", []string{"model"}, "what to group by: model, target, provider, team, key, user, session, route, status, cache, hour, day, week, month, tag:NAME")
	cmd.Flags().StringArrayVar(&o.where, "where", nil, "only requests with this value of a dimension: NAME=VALUE (may be repeated)")
	cmd.Flags().StringVar(&o.since, "since", "24h", "how far back: 90m, 24h, 7d, or a time such as 2026-11-01")
	cmd.Flags().StringVar(&o.until, "until", "", "until when, in the same forms (default: now)")
	cmd.Flags().StringVar(&o.zone, "zone", "UTC", "time zone of hours, days, weeks and months, such as Europe/Berlin")
	addOutput(cmd, &o.output, "table", "json", "csv")
	cmd.AddCommand(e.reconcileCommand())
	return cmd
}

// spendOptions are the flags of the verb spend.
type spendOptions struct {
	by, where                  []string
	since, until, zone, output string
}

// query returns what the flags ask for.
func (o *spendOptions) query(now time.Time) (q ledger.Query, err error) {
	q = ledger.Query{By: o.by, Where: map[string]string{}}
	if q.Since, err = parseTime(o.since, now); err != nil {
		return q, &usageError{fmt.Errorf("--since: %w", err)}
	}
	if q.Until, err = parseTime(o.until, now); err != nil {
		return q, &usageError{fmt.Errorf("--until: %w", err)}
	}
	if q.Zone, err = admin.ParseZone(o.zone); err != nil {
		return q, &usageError{fmt.Errorf("--zone: %w", err)}
	}
	for _, w := range o.where {
		name, value, ok := strings.Cut(w, "=")
		if !ok {
			return q, &usageError{fmt.Errorf("--where: %q is not NAME=VALUE, such as team=search", w)}
		}
		q.Where[name] = value
	}
	return q, nil
}

func (e *environment) spend(ctx context.Context, o *spendOptions) error {
	q, err := o.query(time.Now())
	if err != nil {
		return err
	}
	l, err := e.options.OpenLedger(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	report, err := l.Spend(ctx, q)
	if err != nil {
		return messageOnly(err)
	}
	var trends map[string][]int64
	if o.output == "table" {
		if trends, err = spendTrends(ctx, l, q, time.Now()); err != nil {
			return messageOnly(err)
		}
	}
	return e.printSpend(o.output, o.by, report, trends)
}

// parseTime parses how long ago, a date, or a time with its date. The empty string is the
// zero time. So many days ago is the beginning of that hour.
func parseTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)).Truncate(time.Hour), nil
		}
	}
	if years, ok := strings.CutSuffix(s, "y"); ok {
		if n, err := strconv.ParseUint(years, 10, 7); err == nil {
			return now.AddDate(-int(n), 0, 0).Truncate(time.Hour), nil
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

// printSpend prints a report, with the cost over time of each row where trends has it.
func (e *environment) printSpend(output string, by []string, report ledger.Report, trends map[string][]int64) error {
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
	overTime := ""
	if len(trends) > 0 { // none when the rows are times themselves
		overTime = "COST OVER TIME\t"
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, strings.ToUpper(cells(by...))+"\tREQUESTS\tINPUT\tOUTPUT\tCOST\tESTIMATED\tUNPRICED\tCACHE HITS\tSAVED\tPROMPT CACHE\t"+overTime)
	costs := llm.Dollars(amounts(report, func(s ledger.Sums) llm.NanoUSD { return s.Cost })...)
	estimated := llm.Dollars(amounts(report, func(s ledger.Sums) llm.NanoUSD { return s.EstimatedCost })...)
	saved := llm.Dollars(amounts(report, func(s ledger.Sums) llm.NanoUSD { return s.Saved })...)
	prompt := llm.Dollars(amounts(report, func(s ledger.Sums) llm.NanoUSD { return s.PromptSaved })...)
	for i, r := range report.Rows {
		line := cells(dashes(r.Values)...) + "\t" + sums(r.Sums, costs[i], estimated[i], saved[i], prompt[i]) + "\t"
		if len(trends) > 0 {
			line += sparkline(trends[strings.Join(r.Values, "\x00")]) + "\t"
		}
		fmt.Fprintln(w, line)
	}
	last := len(report.Rows)
	fmt.Fprintln(w, "total"+strings.Repeat("\t", max(len(by), 1))+sums(report.Total, costs[last], estimated[last], saved[last], prompt[last])+"\t")
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

func sums(s ledger.Sums, cost, estimated, saved, prompt string) string {
	return fmt.Sprintf("%d\t%d\t%d\t%s\t%s\t%d\t%d\t%s\t%s", s.Requests, s.InputTokens, s.OutputTokens, cost, estimated, s.UnpricedRequests, s.CacheHits, saved, prompt)
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
	header := append(escapeAll(by), "requests", "errors", "input_tokens", "output_tokens", "cost_usd", "unpriced_requests", "estimated_requests", "estimated_cost_usd", "cache_hits", "saved_usd", "prompt_cache_saved_usd")
	if err := w.Write(header); err != nil {
		return err
	}
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	for _, r := range report.Rows {
		s := r.Sums
		row := append(escapeAll(r.Values), n(s.Requests), n(s.Errors), n(s.InputTokens), n(s.OutputTokens),
			s.Cost.Decimal(), n(s.UnpricedRequests), n(s.EstimatedRequests), s.EstimatedCost.Decimal(), n(s.CacheHits), s.Saved.Decimal(), s.PromptSaved.Decimal())
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
