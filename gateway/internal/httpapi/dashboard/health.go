package dashboard

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
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
	// Others counts the requests of targets that have no figures of their own, because too many
	// were called.
	Others int64
	// Overhead is the gateway's own time for each request, in milliseconds: how many requests
	// took about so long.
	Overhead []Bucket
	// OverheadP50 and OverheadP99 are quantiles of it; NaN for none.
	OverheadP50, OverheadP99 float64
	// Stages are the means of the gateway's own time by step; none without requests.
	Stages []Stage
}

// Stage is one step of the gateway's own, with its mean time for each request.
type Stage struct {
	Name string
	Mean time.Duration
}

// Outage is a time in which a target's circuit was not closed; To is zero while it lasts.
type Outage struct {
	From, To time.Time
	Why      string
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
	// Outages are those of the day, the oldest first.
	Outages []Outage
}

// failing reports whether the target gets no calls, or fails in a part of them worth a look.
func (t *Target) failing() bool {
	switch t.State {
	case StateUnconfigured:
		return false
	case stateClosed, "":
		return t.Requests > 0 && float64(t.Errors) >= 0.05*float64(t.Requests)
	}
	return true
}

const (
	// stateClosed is the state of a target that gets calls.
	stateClosed = "closed"
	// StateUnconfigured is the state of a target that the configuration no longer has.
	StateUnconfigured = "not configured"
)

// maxCharted is how many targets one page has charts of, maxTargets how many its table lists.
const maxCharted, maxTargets = 12, 100

// healthView is what the page shows.
type healthView struct {
	Targets
	// Charts are the pictures of the targets that were called, on this page.
	Charts []targetCharts
	// Listed are the targets of the table, Shown of how many.
	Listed []Target
	// Find is what the names of the targets must contain.
	Find string
	// From and To are the places of the charts in the list of Called targets, from 1; Next and
	// Previous are the links to the pages around.
	From, To, Called int
	Next, Previous   string
	Matching         int
	Faults           []faultCount
	Overhead         template.HTML
	Stages           []stageView
}

// stageView is a step of the gateway's own with a bar.
type stageView struct {
	Stage
	Bar template.HTML
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

// health serves GET /health.
func (d *Dashboard) health(w http.ResponseWriter, r *http.Request) {
	v := healthView{Targets: d.gateway.Targets(), Find: strings.TrimSpace(r.URL.Query().Get("find"))}
	v.Faults, v.Overhead, v.Stages = faultCounts(v.Targets.Faults), overheadChart(v.Targets.Overhead), stageViews(v.Targets.Stages)
	after, err := healthPage(r.URL.Query().Get("after"))
	if err != nil {
		d.fail(w, r, err)
		return
	}
	v.fill(after, d.zone(r))
	d.render(w, r, http.StatusOK, "health.html", "Latency and health", v)
}

// healthPage reads after how many targets the charts begin.
func healthPage(after string) (int, error) {
	if after == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(after)
	if err != nil || n < 0 || n%maxCharted != 0 {
		return 0, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "after", Message: fmt.Sprintf("after: write a multiple of %d, such as 0.", maxCharted)}
	}
	return n, nil
}

// fill chooses the targets that the page shows: those that fail first, then the busiest.
func (v *healthView) fill(after int, zone *time.Location) {
	var called []Target
	for _, t := range v.All {
		if !strings.Contains(t.ID, v.Find) {
			continue
		}
		v.Matching++
		v.Listed = append(v.Listed, t)
		if t.Requests > 0 {
			called = append(called, t)
		}
	}
	failingFirst(v.Listed)
	failingFirst(called)
	v.Listed = v.Listed[:min(len(v.Listed), maxTargets)]
	v.Called = len(called)
	v.From, v.To = min(after, v.Called)+1, min(after+maxCharted, v.Called)
	for _, t := range called[v.From-1 : v.To] {
		v.Charts = append(v.Charts, chartsOf(t, v.Starts, zone))
	}
	query := url.Values{}
	if v.Find != "" {
		query.Set("find", v.Find)
	}
	if v.To < v.Called {
		v.Next = changed(query, "after", strconv.Itoa(v.To))
	}
	if after > 0 {
		v.Previous = changed(query, "after", strconv.Itoa(max(after-maxCharted, 0)))
	}
}

// failingFirst moves the targets that fail to the front, and keeps the order otherwise.
func failingFirst(targets []Target) {
	slices.SortStableFunc(targets, func(a, b Target) int {
		switch {
		case a.failing() == b.failing():
			return 0
		case a.failing():
			return -1
		}
		return 1
	})
}

func chartsOf(t Target, starts []time.Time, zone *time.Location) targetCharts {
	c := targetCharts{Target: t}
	var bands []chart.Band
	for _, o := range t.Outages {
		b := chart.Band{Name: fmt.Sprintf("circuit open (%s) from %s", o.Why, clock(zone, o.From)), From: o.From, To: o.To}
		if o.To.IsZero() {
			b.To = starts[len(starts)-1]
		} else {
			b.Name += " to " + clock(zone, o.To)
		}
		bands = append(bands, b)
	}
	plot := func(title string, p50, p95, p99 []float64) template.HTML {
		return chart.Lines(chart.Plot{Title: title + " of " + t.ID + " in the last 24 hours", Times: starts, Zone: zone, Format: chart.Millis, Width: 270, Height: 120, Bands: bands,
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

// stageViews draws the steps of the gateway's own time.
func stageViews(stages []Stage) (list []stageView) {
	var longest time.Duration
	for _, s := range stages {
		longest = max(longest, s.Mean)
	}
	for _, s := range stages {
		text := chart.Millis(float64(s.Mean) / 1e6)
		list = append(list, stageView{s, chart.Share(text+" a request", float64(s.Mean)/float64(longest), 0)})
	}
	return list
}

// overheadChart draws how the gateway's own time is spread.
func overheadChart(buckets []Bucket) template.HTML {
	if len(buckets) == 0 {
		return ""
	}
	var bars []chart.Bar
	for _, b := range buckets {
		bars = append(bars, chart.Bar{Name: chart.Millis(b.Millis), Value: float64(b.Count)})
	}
	return chart.Bars("the gateway's own time for each request in the last 24 hours", bars, func(v float64) string { return formatCount(int64(math.Round(v))) + " requests" })
}
