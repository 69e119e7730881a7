package server

import (
	"cmp"
	"slices"

	"github.com/penstock/penstock/gateway/internal/activity"
	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
)

// pageSteps is how many steps of the activity are one of the page: a quarter of an hour. It
// divides activity.Steps.
const pageSteps = 3

// Targets returns the figures of the targets in the last 24 hours.
func (p pages) Targets() dashboard.Targets {
	starts, steps := p.server.activity.Day()
	t := dashboard.Targets{Faults: p.server.activity.Faults()}
	for i := 0; i < len(starts); i += pageSteps {
		t.Starts = append(t.Starts, starts[i])
	}
	var own activity.Histogram
	for i := range steps {
		t.Requests += steps[i].Requests
		t.Retries += steps[i].Retries
		t.Fallbacks += steps[i].Fallbacks
		own.Merge(&steps[i].Overhead)
	}
	t.OverheadP50, t.OverheadP99 = own.Quantile(0.5), own.Quantile(0.99)
	own.Buckets(func(ms float64, n uint32) {
		t.Overhead = append(t.Overhead, dashboard.Bucket{Millis: ms, Count: int64(n)})
	})
	days := p.server.activity.Targets()
	for _, now := range p.server.targets() {
		t.All = append(t.All, targetPage(now, days[now.Target]))
		delete(days, now.Target)
	}
	for id, day := range days { // no longer configured, or too many for figures of their own
		t.All = append(t.All, targetPage(Target{Target: id, Circuit: Circuit{State: "not configured"}}, day))
	}
	slices.SortFunc(t.All, func(a, b dashboard.Target) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.ID, b.ID))
	})
	return t
}

// targetPage joins a target as it stands with its day.
func targetPage(now Target, day []activity.Sums) dashboard.Target {
	t := dashboard.Target{ID: now.Target, State: now.State, Why: now.Why, InFlight: now.InFlight, Speed: now.TPS}
	if now.Until != nil {
		t.Until = *now.Until
	}
	var first, total activity.Histogram
	for i := 0; i < len(day); i += pageSteps {
		s := merged(day[i : i+pageSteps])
		t.Requests += s.Requests
		t.Errors += s.Errors
		for _, q := range [...]struct {
			of    *activity.Histogram
			share float64
			to    *[]float64
		}{{&s.FirstToken, 0.5, &t.FirstP50}, {&s.FirstToken, 0.95, &t.FirstP95}, {&s.FirstToken, 0.99, &t.FirstP99}, {&s.Total, 0.5, &t.TotalP50}, {&s.Total, 0.95, &t.TotalP95}, {&s.Total, 0.99, &t.TotalP99}} {
			*q.to = append(*q.to, q.of.Quantile(q.share))
		}
		first.Merge(&s.FirstToken)
		total.Merge(&s.Total)
	}
	t.DayFirstP95, t.DayTotalP50, t.DayTotalP95 = first.Quantile(0.95), total.Quantile(0.5), total.Quantile(0.95)
	return t
}

// merged returns the requests, errors and times of several steps.
func merged(steps []activity.Sums) (s activity.Sums) {
	for i := range steps {
		s.Requests += steps[i].Requests
		s.Errors += steps[i].Errors
		s.FirstToken.Merge(&steps[i].FirstToken)
		s.Total.Merge(&steps[i].Total)
	}
	return s
}
