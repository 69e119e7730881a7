package dashboard

import (
	"cmp"
	"html/template"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard/chart"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Targets are the figures of the targets in the last 24 hours, for equal steps, the oldest
// first.
type Targets struct {
	Starts []time.Time
	// All are the targets that have answered or are configured, those with the most requests first.
	All []Target
	// Faults counts failed attempts by their cause.
	Faults map[llm.Fault]int64
	// Retries are attempts beyond each request's first, Fallbacks requests that another target
	// than the first asked has answered.
	Requests, Retries, Fallbacks int64
	// Overhead is the gateway's own time for each request, in milliseconds: how many requests
	// took about so long.
	Overhead []Bucket
	// OverheadP50 and OverheadP99 are quantiles of it; NaN for none.
	OverheadP50, OverheadP99 float64
}

// Bucket counts requests that took about so many milliseconds.
type Bucket struct {
	Millis float64
	Count  int64
}

// Target is one target.
type Target struct {
	ID string
	// State is closed, half-open or open; Why says for what cause, Until till when, zero for no
	// end.
	State, Why string
	Until      time.Time
	InFlight   int64
	// Requests and Errors are those of the day. The quantiles are in milliseconds, with NaN for
	// steps without replies; the single ones are of the day.
	Requests, Errors                      int64
	FirstP50, FirstP95, FirstP99          []float64
	TotalP50, TotalP95, TotalP99          []float64
	DayFirstP95, DayTotalP50, DayTotalP95 float64
	// Speed is in output tokens per second; 0 when unknown.
	Speed float64
}

// healthView is what the page shows.
type healthView struct {
	Targets
	// Charts are the pictures of the first maxTargets of All; empty for one without replies.
	Charts   []targetCharts
	Faults   []faultCount
	Overhead template.HTML
}

type targetCharts struct {
	Target
	First, Total template.HTML
}

type faultCount struct {
	Cause llm.Fault
	Count int64
	Bar   template.HTML
}

// maxTargets is how many targets the page lists.
const maxTargets = 200

// health serves GET /health.
func (d *Dashboard) health(w http.ResponseWriter, r *http.Request) {
	t := d.gateway.Targets()
	zone := d.zone(r)
	v := healthView{Targets: t, Faults: faultCounts(t.Faults), Overhead: overheadChart(t.Overhead)}
	for _, target := range t.All[:min(len(t.All), maxTargets)] {
		v.Charts = append(v.Charts, chartsOf(target, t.Starts, zone))
	}
	d.render(w, r, http.StatusOK, "health.html", "Latency and health", v)
}

func chartsOf(t Target, starts []time.Time, zone *time.Location) targetCharts {
	c := targetCharts{Target: t}
	if t.Requests == 0 {
		return c
	}
	plot := func(title string, p50, p95, p99 []float64) template.HTML {
		return chart.Lines(chart.Plot{Title: title + " of " + t.ID + " in the last 24 hours", Times: starts, Zone: zone, Format: chart.Millis, Width: 600, Height: 180,
			Series: []chart.Series{{Name: "p50", Values: p50}, {Name: "p95", Values: p95}, {Name: "p99", Values: p99}}})
	}
	c.First = plot("time to the first token", t.FirstP50, t.FirstP95, t.FirstP99)
	c.Total = plot("whole time", t.TotalP50, t.TotalP95, t.TotalP99)
	return c
}

// faultCounts are the causes of failed attempts, the most frequent first.
func faultCounts(faults map[llm.Fault]int64) []faultCount {
	var list []faultCount
	var most int64
	for cause, n := range faults {
		list = append(list, faultCount{Cause: cause, Count: n})
		most = max(most, n)
	}
	slices.SortFunc(list, func(a, b faultCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Cause, b.Cause))
	})
	for i := range list {
		list[i].Bar = chart.Share(formatCount(list[i].Count)+" attempts", float64(list[i].Count)/float64(most), 1)
	}
	return list
}

// overheadChart draws how the gateway's own time is spread.
func overheadChart(buckets []Bucket) template.HTML {
	var bars []chart.Bar
	for _, b := range buckets {
		bars = append(bars, chart.Bar{Name: chart.Millis(b.Millis), Value: float64(b.Count)})
	}
	return chart.Bars("the gateway's own time for each request in the last 24 hours", bars, func(v float64) string { return formatCount(int64(math.Round(v))) })
}
