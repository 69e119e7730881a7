package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/server"
)

const (
	// topEvery is how often the picture is made again.
	topEvery = time.Second
	// topTargets is how many targets fit 24 lines beside the head.
	topTargets = 18
	// topSpan is how far back the rates reach.
	topSpan = time.Minute
)

func (e *environment) topCommand() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show what the running gateway does now: targets, rates, errors, latency and spend, until Ctrl-C",
		Long: "Asks the admin API every second. Rates, errors, p95 and spend are of the last minute, or of the last 1000 requests where\n" +
			"these cover less. --once prints one picture, for scripts.",
		Example: "  penstock top\n  penstock top --once --admin http://gateway.internal:8081",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if once {
				frame, err := e.topFrame(cmd.Context())
				if err != nil {
					return err
				}
				return e.drawTop(frame)
			}
			return e.runTop(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "print one picture and end")
	e.addAdmin(cmd)
	return cmd
}

// runTop draws one picture over the other until the context ends. The cursor comes back however
// it ends.
func (e *environment) runTop(ctx context.Context) error {
	p := newPainter(e.stdout)
	p.control("\x1b[?25l")
	defer p.control("\x1b[?25h")
	tick := time.NewTicker(topEvery)
	defer tick.Stop()
	for {
		frame, err := e.topFrame(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		p.control("\x1b[H\x1b[2J")
		if err := e.drawTop(frame); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// topFrame is what one picture shows.
type topFrame struct {
	inflight, waiting int64
	targets           []server.Target
	rates             rates
}

func (e *environment) topFrame(ctx context.Context) (f topFrame, err error) {
	ready, err := askAdmin[struct{ Inflight, Waiting int64 }](ctx, e, "/readyz")
	if err != nil {
		return f, err
	}
	targets, err := e.allTargets(ctx)
	if err != nil {
		return f, err
	}
	recent, err := askAdmin[admin.RequestList](ctx, e, requestsPath+"?limit="+strconv.Itoa(listPage))
	f.inflight, f.waiting, f.targets = ready.Inflight, ready.Waiting, targets
	f.rates = ratesOf(recent.Requests, time.Now(), topSpan)
	return f, err
}

// rates are what the requests of a time have done, in all and by target.
type rates struct {
	span    time.Duration
	all     rate
	targets map[string]*rate
}

type rate struct {
	requests, errors, cached int
	usd                      float64
	durations                []llm.Millis
}

// ratesOf sums up rows that ended since a span before now. Where the rows are all within it and
// as many as a page holds, the span is what they cover.
func ratesOf(rows []admin.RequestRow, now time.Time, span time.Duration) rates {
	if n := len(rows); n == listPage {
		if covered := now.Sub(ended(&rows[n-1])); covered < span {
			span = max(covered, time.Second)
		}
	}
	r := rates{span: span, targets: map[string]*rate{}}
	for i := range rows {
		row := &rows[i]
		if now.Sub(ended(row)) > span {
			continue
		}
		r.all.add(row)
		if row.Target != "" {
			if r.targets[row.Target] == nil {
				r.targets[row.Target] = new(rate)
			}
			r.targets[row.Target].add(row)
		}
	}
	return r
}

func ended(r *admin.RequestRow) time.Time { return r.Time.Add(time.Duration(r.Duration)) }

func (r *rate) add(row *admin.RequestRow) {
	r.requests++
	switch row.Outcome {
	case llm.OutcomeError, llm.OutcomeRefused:
		r.errors++
	case llm.OutcomeCached:
		r.cached++
	}
	usd, _ := row.CostUSD.Float64() // an unknown cost is empty
	r.usd += usd
	r.durations = append(r.durations, row.Duration)
}

// p95 is the 95th percentile of the durations; 0 for none.
func (r *rate) p95() llm.Millis {
	if len(r.durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.durations))
	return sorted[(len(sorted)*95+99)/100-1]
}

// perSecond and perMinute are rates over a span.
func perSecond(n int, span time.Duration) string {
	return strconv.FormatFloat(float64(n)/span.Seconds(), 'f', 1, 64)
}

func perMinute(usd float64, span time.Duration) string {
	return "$" + strconv.FormatFloat(usd/span.Minutes(), 'f', 4, 64)
}

// drawTop prints a picture of at most 23 lines of 80 columns.
func (e *environment) drawTop(f topFrame) error {
	all, p := &f.rates.all, newPainter(e.stdout)
	p.paint(bold, fmt.Sprintf("penstock  %s", time.Now().Format(time.TimeOnly)))
	p.text(fmt.Sprintf("   in flight %d, waiting %d   (rates of the last %s)\n", f.inflight, f.waiting, f.rates.span.Round(time.Second)))
	p.text(fmt.Sprintf("%s requests/s   %d errors   %d cached   p95 %s   spend %s/min\n\n", perSecond(all.requests, f.rates.span), all.errors, all.cached, millis(all.p95()), perMinute(all.usd, f.rates.span)))
	if p.err != nil {
		return p.err
	}
	shown := slices.Clone(f.targets)
	slices.SortStableFunc(shown, func(a, b server.Target) int { return f.requestsAt(b.Target) - f.requestsAt(a.Target) })
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "TARGET\tCIRCUIT\tBUSY\tREQ/S\tERR\tP95\t$/MIN")
	for i := range shown[:min(len(shown), topTargets)] {
		t := &shown[i]
		r := f.rates.targets[t.Target]
		if r == nil {
			r = new(rate)
		}
		fmt.Fprintln(w, cells(narrow(t.Target, 32), t.State, strconv.FormatInt(t.InFlight, 10), perSecond(r.requests, f.rates.span), strconv.Itoa(r.errors), millis(r.p95()), perMinute(r.usd, f.rates.span)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) {
		look := usual
		if strings.Contains(line, " open ") || strings.Contains(line, " half-open ") {
			look = red
		}
		p.paint(look, line)
	}
	if more := len(shown) - topTargets; more > 0 {
		p.text(fmt.Sprintf("… and %d more targets\n", more))
	}
	return p.err
}

func (f *topFrame) requestsAt(target string) int {
	if r := f.rates.targets[target]; r != nil {
		return r.requests
	}
	return 0
}

// narrow shortens a name in its middle to a number of characters.
func narrow(name string, most int) string {
	r := []rune(name)
	if len(r) <= most {
		return name
	}
	return string(r[:most/2]) + "…" + string(r[len(r)-most/2+1:])
}
