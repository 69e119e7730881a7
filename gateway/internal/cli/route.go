package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) routeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "route",
		Short: "Compare routers over recorded requests",
		Args:  exactly(0, "compare"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.routeCompareCommand())
	return cmd
}

func (e *environment) routeCompareCommand() *cobra.Command {
	var routers, with []string
	var since, until, output string
	var q admin.Comparison
	cmd := &cobra.Command{
		Use:   "compare --router A --router B",
		Short: "Replay recorded requests through two routers: cost, latency and share per target",
		Long: "Replays the requests in the ledger through two routers, with the figures that the targets had at that moment, and shows\n" +
			"where each would have sent them first. A router is a built-in strategy or a plugin of the configuration, with settings\n" +
			"behind a colon or in a file: --with is for the first router that has none of its own.\n\n" +
			"Costs are the tokens that each request used at the prices of the target it would have gone to; latencies are that target's\n" +
			"time to the first token and its speed at that moment, for the output that there was. Both are means over the requests for\n" +
			"which they are known with all routers. What the other routing would have changed about the targets' figures is not in them.",
		Example: "  penstock route compare --router balanced --router cost --since 7d\n" +
			"  penstock route compare --router balanced:cost=1,latency=0 --router balanced:cost=0,latency=1 --model smart\n" +
			"  penstock route compare --router my-plugin --with a.json --router cost -o json",
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if q.A, q.B, err = routerPair(routers, with); err != nil {
				return &usageError{err}
			}
			if q.Since, q.Until, err = parsePeriod(since, until); err != nil {
				return &usageError{err}
			}
			report, err := onRecords(cmd.Context(), e, func(s *server.Server, l *ledger.Reader) (*replay.Report, error) {
				return s.CompareRouters(cmd.Context(), l, q)
			})
			if err != nil {
				return messageOnly(err)
			}
			if output == "json" {
				return e.printJSON(report)
			}
			return printComparison(e.stdout, report)
		},
	}
	cmd.Flags().StringArrayVar(&routers, "router", nil, "NAME or NAME:SETTING=VALUE,…; given twice")
	cmd.Flags().StringArrayVar(&with, "with", nil, "file with a router's settings, a JSON object; may be given twice")
	addPeriod(cmd, &since, &until)
	cmd.Flags().StringVar(&q.Model, "model", "", "only requests for this model, as callers name it")
	addOutput(cmd, &output, "text", "json")
	return cmd
}

// routerPair returns the two routers that the flags name.
func routerPair(routers, files []string) (a, b admin.RouterSpec, err error) {
	if len(routers) != 2 || len(files) > 2 {
		return a, b, hint.Add(fmt.Errorf("route compare takes --router twice, and --with at most twice"), "penstock route compare --help shows examples")
	}
	var specs [2]admin.RouterSpec
	for i, text := range routers {
		if specs[i], err = parseRouter(text); err != nil {
			return a, b, err
		}
		if specs[i].With != nil || len(files) == 0 {
			continue
		}
		if specs[i].With, err = readSettings(files[0]); err != nil {
			return a, b, err
		}
		files = files[1:]
	}
	if len(files) > 0 {
		return a, b, fmt.Errorf("--with %s: no router is left without settings of its own", files[0])
	}
	return specs[0], specs[1], nil
}

// parseRouter parses NAME or NAME:SETTING=VALUE,…. A value that is JSON is taken as such, any
// other is a text.
func parseRouter(text string) (admin.RouterSpec, error) {
	name, list, has := strings.Cut(text, ":")
	spec := admin.RouterSpec{Router: name}
	if name == "" {
		return spec, fmt.Errorf("--router %q: write NAME or NAME:SETTING=VALUE,…", text)
	}
	if !has || list == "" {
		return spec, nil
	}
	settings := map[string]json.RawMessage{}
	for pair := range strings.SplitSeq(list, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if key = strings.TrimSpace(key); !ok || key == "" {
			return spec, fmt.Errorf("--router %q: %q is not SETTING=VALUE", text, pair)
		}
		if _, twice := settings[key]; twice {
			return spec, fmt.Errorf("--router %q: %s is set twice", text, key)
		}
		if settings[key] = json.RawMessage(value); !json.Valid(settings[key]) {
			settings[key], _ = json.Marshal(value) // a text always has a JSON form
		}
	}
	var err error
	spec.With, err = json.Marshal(settings)
	return spec, err
}

func readSettings(file string) (json.RawMessage, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--with: %w", err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, fmt.Errorf("--with %s: the settings must be a JSON object: %w", file, err)
	}
	return text, nil
}

func printComparison(out io.Writer, r *replay.Report) error {
	if r.Records == 0 {
		_, err := fmt.Fprintln(out, "No request is recorded for this time and model, so there is nothing to compare.")
		return err
	}
	columns := []*replay.Column{&r.Recorded, &r.A, &r.B}
	fmt.Fprintf(out, "%d of %d records were replayed. A and B would have sent %d of them (%s) to different targets.\n", r.Compared, r.Records, r.Moved, percent(r.Moved, r.Compared))
	for _, s := range r.Skipped {
		fmt.Fprintf(out, "  %d left out: %s\n", s.Records, cells(s.Why))
	}
	fmt.Fprintf(out, "\nA = %s\nB = %s\n\n", cells(r.A.Router), cells(r.B.Router))
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	line := func(name string, of func(*replay.Column) string) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", name, of(columns[0]), of(columns[1]), of(columns[2]))
	}
	fmt.Fprintln(w, "\tRECORDED\tA\tB\t")
	costs := llm.Dollars(r.Recorded.Cost, r.A.Cost, r.B.Cost)
	fmt.Fprintf(w, "cost of %d requests\t%s\t%s\t%s\t\n", r.Priced, costs[0], costs[1], costs[2])
	line(fmt.Sprintf("mean latency of %d requests", r.Timed), func(c *replay.Column) string { return latency(c.LatencyMS, r.Timed) })
	line("to another target than recorded", func(c *replay.Column) string { return strconv.FormatInt(c.Moved, 10) })
	for _, target := range firstTargets(columns) {
		line(cells(target), func(c *replay.Column) string { return shareOf(c, target, r.Compared) })
	}
	return w.Flush()
}

func latency(ms float64, requests int64) string {
	if requests == 0 {
		return "-"
	}
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Millisecond).String()
}

func percent(n, of int64) string {
	if of == 0 {
		return "-"
	}
	return strconv.FormatFloat(100*float64(n)/float64(of), 'f', 1, 64) + "%"
}

// firstTargets lists the targets of all columns, by name.
func firstTargets(columns []*replay.Column) []string {
	names := map[string]bool{}
	for _, c := range columns {
		for _, s := range c.Shares {
			names[s.Target] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func shareOf(c *replay.Column, target string, of int64) string {
	for _, s := range c.Shares {
		if s.Target == target {
			return percent(s.Requests, of)
		}
	}
	return percent(0, of)
}
