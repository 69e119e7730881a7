package main

import (
	"math"
	"time"
)

// goal is a measured figure with its bounds: what the gateway promises, and its aim.
type goal struct {
	figure   string
	measured float64
	decimals int
	// promise and aim are bounds: upper ones, or, if atLeast, lower ones. NaN means none.
	promise, aim float64
	atLeast      bool
}

// goals returns every goal with the measured figure; NaN if it was not measured.
func goals(rows []row, calls []routingRow, s startups) []goal {
	none := math.NaN()
	of := func(name string, figure func(row) float64) float64 {
		for _, r := range rows {
			if r.cell == (cell{name, gateway}) {
				return figure(r)
			}
		}
		return none
	}
	cpu := func(r row) float64 { return r.CPUOfFloor }
	rate := func(r row) float64 { return r.OfFloor }
	first := func(s startup) time.Duration { return s.First }
	return []goal{
		{figure: "CPU per JSON request over TLS, 64 clients, of floor", measured: of("tls-json-64", cpu), decimals: 2, promise: 1.6, aim: 1.3},
		{figure: "CPU per SSE request over TLS, 64 clients, of floor", measured: of("tls-sse-64", cpu), decimals: 2, promise: 1.5, aim: 1.25},
		{figure: "first token over floor, paced streams, ms", measured: of("tls-paced-64", func(r row) float64 { return r.OverFloorFirst }), decimals: 2, promise: none, aim: 1},
		{figure: "highest RSS under load, MB", measured: highestRSS(rows), promise: 110, aim: 90},
		{figure: "cold start, empty compile cache, s", measured: median(seconds(s.Empty, first)), decimals: 2, promise: 4, aim: 3},
		{figure: "cold start, filled compile cache, s", measured: median(seconds(s.Warm, first)), decimals: 2, promise: 0.7, aim: 0.5},
		{figure: "RSS idle, MB", measured: median(idleMB(s.Warm)), promise: none, aim: 60},
		{figure: "req/s JSON over TLS, 64 clients, of floor", measured: of("tls-json-64", rate), decimals: 2, promise: none, aim: 0.77, atLeast: true},
		{figure: "req/s SSE over TLS, 64 clients, of floor", measured: of("tls-sse-64", rate), decimals: 2, promise: none, aim: 0.8, atLeast: true},
		{figure: "req/s cache hit, of floor", measured: of("hit-64", rate), decimals: 2, promise: none, aim: 2.5, atLeast: true},
		{figure: "CPU per OpenAI-to-Anthropic request, of floor", measured: of("cross-64", cpu), decimals: 2, promise: none, aim: 1.8},
		{figure: "p50 over floor, JSON over TLS, 1 client, ms", measured: of("tls-json-1", func(r row) float64 { return r.OverFloor50 }), decimals: 2, promise: none, aim: 0.08},
		{figure: "p99 over floor, JSON over TLS, 1 client, ms", measured: of("tls-json-1", func(r row) float64 { return r.OverFloor99 }), decimals: 2, promise: none, aim: 0.5},
		{figure: "routing call of 8 targets, % of a request's CPU", measured: highestRatio(calls, 8), decimals: 1, promise: none, aim: 2},
		{figure: "routing call of 100 targets, % of a request's CPU", measured: highestRatio(calls, 100), decimals: 1, promise: none, aim: 8},
	}
}

// highestRSS returns the gateway's highest peak of all cases; NaN without any.
func highestRSS(rows []row) float64 {
	highest := math.NaN()
	for _, r := range rows {
		if r.Target == gateway && !(r.PeakMB <= highest) { // true for the first, against NaN
			highest = r.PeakMB
		}
	}
	return highest
}

// outcome compares the measured figure with a bound.
func (g goal) outcome(bound float64) string {
	switch {
	case math.IsNaN(bound):
		return "-"
	case math.IsNaN(g.measured):
		return "not measured"
	case g.atLeast && g.measured >= bound, !g.atLeast && g.measured <= bound:
		return "met"
	default:
		return "missed"
	}
}

// bound formats a bound with its direction.
func (g goal) bound(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	if g.atLeast {
		return "≥ " + number(v, g.decimals)
	}
	return "≤ " + number(v, g.decimals)
}

// goalTable returns a line for each goal; none when the gateway was not measured.
func (r *report) goalTable() table {
	t := table{left: 1, header: []string{"figure", "measured", "goal", "", "aim", ""}}
	for _, g := range r.goals {
		if len(r.starts.Warm) > 0 {
			t.rows = append(t.rows, []string{g.figure, number(g.measured, g.decimals),
				g.bound(g.promise), g.outcome(g.promise), g.bound(g.aim), g.outcome(g.aim)})
		}
	}
	return t
}
