package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// reconcileOptions are the flags of the verb.
type reconcileOptions struct {
	provider, zone, output string
	columns                map[string]string
	tolerance              float64
	fail                   bool
}

func (e *environment) reconcileCommand() *cobra.Command {
	o := reconcileOptions{}
	cmd := &cobra.Command{
		Use:   "reconcile FILE.csv --provider NAME",
		Short: "Compare the ledger with a provider's usage export",
		Long: "FILE has one line for a day and model, in any order, with a header. Its columns are found by their names: a day (day, date,\n" +
			"start_time, usage_date_utc …), a model, and what there is of input tokens, output tokens and the cost in US dollars; --column\n" +
			"names others. Lines of the same day and model are added up; versions of a model that differ in a date count as one.\n" +
			"Shown are the days and models for which a figure differs by more than --tolerance.",
		Example: "  penstock spend reconcile usage.csv --provider openai\n" +
			"  penstock spend reconcile bill.csv --provider azure --column cost=PreTaxCost --column model=Meter --fail",
		Args: exactly(1, "the provider's file"),
		RunE: func(cmd *cobra.Command, args []string) error { return e.reconcile(cmd.Context(), args[0], &o) },
	}
	cmd.Flags().StringVar(&o.provider, "provider", "", "the provider of the configuration that the file is from")
	cmd.Flags().StringVar(&o.zone, "zone", "UTC", "time zone of the file's days")
	cmd.Flags().StringToStringVar(&o.columns, "column", nil, "the file's name for day, model, input, output or cost: cost=\"Cost (USD)\"")
	cmd.Flags().Float64Var(&o.tolerance, "tolerance", 1, "differences up to so many percent are not shown")
	cmd.Flags().BoolVar(&o.fail, "fail", false, "exit with status 1 if anything differs")
	addOutput(cmd, &o.output, "table", "json")
	_ = cmd.MarkFlagRequired("provider") // it exists
	return cmd
}

// usageDifference is a day and model for which ledger and provider differ.
type usageDifference struct {
	Day      string       `json:"day"`
	Model    string       `json:"model"`
	Ledger   usageFigures `json:"ledger"`
	Provider usageFigures `json:"provider"`
}

func (e *environment) reconcile(ctx context.Context, path string, o *reconcileOptions) error {
	zone, err := admin.ParseZone(o.zone)
	if err != nil {
		return &usageError{fmt.Errorf("--zone: %w", err)}
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	theirs, err := readUsage(f, o.columns)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	ours, err := e.ledgerUsage(ctx, o.provider, zone, theirs)
	if err != nil {
		return err
	}
	differences := compareUsage(ours, theirs, o.tolerance/100)
	if err := e.printDifferences(differences, len(theirs), o.output); err != nil {
		return err
	}
	if o.fail && len(differences) > 0 {
		return fmt.Errorf("ledger and provider differ for %d days and models", len(differences))
	}
	return nil
}

// ledgerUsage returns what the ledger has of a provider for the days of the file.
func (e *environment) ledgerUsage(ctx context.Context, provider string, zone *time.Location, theirs map[usageKey]usageFigures) (map[usageKey]usageFigures, error) {
	days := slices.SortedFunc(maps.Keys(theirs), func(a, b usageKey) int { return cmp.Compare(a.Day, b.Day) })
	since, err := time.ParseInLocation(time.DateOnly, days[0].Day, zone)
	if err != nil {
		return nil, err
	}
	until, err := time.ParseInLocation(time.DateOnly, days[len(days)-1].Day, zone)
	if err != nil {
		return nil, err
	}
	l, err := e.options.OpenLedger(ctx)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	report, err := l.Spend(ctx, ledger.Query{By: []string{"day", "target"}, Zone: zone, Since: since, Until: until.AddDate(0, 0, 1), Where: map[string]string{"provider": provider}, Limit: maxTrendRows})
	if err != nil {
		return nil, messageOnly(err)
	}
	ours := map[usageKey]usageFigures{}
	for _, r := range report.Rows {
		_, model, _ := strings.Cut(r.Values[1], "/")
		k := usageKey{r.Values[0], undated(model)}
		have := ours[k]
		ours[k] = usageFigures{have.Input + float64(r.InputTokens), have.Output + float64(r.OutputTokens), have.Cost + float64(r.Cost)/float64(llm.USD)}
	}
	return ours, nil
}

// compareUsage returns where the figures differ by more than a share of the larger one.
func compareUsage(ours, theirs map[usageKey]usageFigures, tolerance float64) []usageDifference {
	keys := map[usageKey]bool{}
	for _, m := range []map[usageKey]usageFigures{ours, theirs} {
		for k := range m {
			keys[k] = true
		}
	}
	var all []usageDifference
	for k := range keys {
		a, b := ours[k], theirs[k]
		if differs(a.Input, b.Input, tolerance) || differs(a.Output, b.Output, tolerance) || differs(a.Cost, b.Cost, tolerance) {
			all = append(all, usageDifference{k.Day, k.Model, a, shown(b)})
		}
	}
	slices.SortFunc(all, func(a, b usageDifference) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Model, b.Model))
	})
	return all
}

// differs reports whether two figures differ; not for one that the file does not have.
func differs(ours, theirs, tolerance float64) bool {
	if math.IsInf(theirs, -1) {
		return false
	}
	return math.Abs(ours-theirs) > tolerance*max(math.Abs(ours), math.Abs(theirs))+1e-9
}

// shown marks figures that the file does not have by −1, which JSON can write.
func shown(f usageFigures) usageFigures {
	for _, v := range []*float64{&f.Input, &f.Output, &f.Cost} {
		if math.IsInf(*v, -1) {
			*v = -1
		}
	}
	return f
}

func (e *environment) printDifferences(all []usageDifference, compared int, output string) error {
	if output == "json" {
		if all == nil {
			all = []usageDifference{}
		}
		return e.printJSON(map[string]any{"differences": all, "compared": compared})
	}
	if len(all) == 0 {
		fmt.Fprintf(e.stdout, "Ledger and provider agree on %d days and models.\n", compared)
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "DAY\tMODEL\tINPUT\tPROVIDER'S\tOUTPUT\tPROVIDER'S\tCOST\tPROVIDER'S\t")
	for _, d := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", cells(d.Day, d.Model), usageText(d.Ledger.Input, "%.0f"), usageText(d.Provider.Input, "%.0f"),
			usageText(d.Ledger.Output, "%.0f"), usageText(d.Provider.Output, "%.0f"), usageText(d.Ledger.Cost, "$%.4f"), usageText(d.Provider.Cost, "$%.4f"))
	}
	return w.Flush()
}

func usageText(v float64, format string) string {
	if v < 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}
