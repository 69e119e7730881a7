package server

import (
	"cmp"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/activity"
	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
)

// Targets returns the figures of the targets in the last 24 hours.
func (p pages) Targets() dashboard.Targets {
	_, steps := p.server.activity.Day()
	starts, days := p.server.activity.Targets()
	t := dashboard.Targets{Starts: starts, Faults: p.server.activity.Faults()}
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
	t.Stages = stagesPage(p.server.activity.Stages())
	outages := p.server.activity.Outages()
	if day := days[activity.Other]; day != nil { // those beyond the bound of the activity
		t.Others = targetPage(Target{}, day, nil).Requests
		delete(days, activity.Other)
	}
	for _, now := range p.server.targets() {
		t.All = append(t.All, targetPage(now, days[now.Target], outages[now.Target]))
		delete(days, now.Target)
	}
	for id, day := range days { // no longer configured
		t.All = append(t.All, targetPage(Target{Target: id, Circuit: Circuit{State: dashboard.StateUnconfigured}}, day, outages[id]))
	}
	slices.SortFunc(t.All, func(a, b dashboard.Target) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.ID, b.ID))
	})
	return t
}

// stagesPage are the means of the gateway's own steps for each request.
func stagesPage(s activity.StageTimes) []dashboard.Stage {
	if s.Requests == 0 {
		return nil
	}
	mean := func(name string, total time.Duration) dashboard.Stage {
		return dashboard.Stage{Name: name, Mean: total / time.Duration(s.Requests)}
	}
	return []dashboard.Stage{mean("route, policy", s.Admit), mean("cache", s.Cache), mean("rank targets", s.Rank), mean("transform", s.Transform),
		mean("reserve budgets", s.Reserve), mean("read, relay, settle", s.Rest)}
}

// targetPage joins a target as it stands with its day.
func targetPage(now Target, day []activity.TargetSums, outages []activity.Outage) dashboard.Target {
	t := dashboard.Target{ID: now.Target, State: now.State, Why: now.Why, InFlight: now.InFlight, Speed: now.TPS}
	if now.Until != nil {
		t.Until = *now.Until
	}
	for _, o := range outages {
		t.Outages = append(t.Outages, dashboard.Outage(o))
	}
	var first, total activity.Histogram
	for i := range day {
		s := &day[i]
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
