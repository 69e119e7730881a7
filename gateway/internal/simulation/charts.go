package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// charts returns the curves by the names of their files.
func (r results) charts() map[string]string {
	return map[string]string{
		"cost-quality.svg": r.costQuality().svg(),
		"difficulty.svg":   r.difficulty().svg(),
		"outage.svg":       r.tail("outage", "p99 through an outage", "the fastest of five targets accepts requests and stays silent", "ash is silent").svg(),
		"degraded.svg":     r.tail("degraded", "p99 through a degradation", "one of five equal targets takes ten times as long", "cedar is 10 × slower").svg(),
		"shares.svg":       r.shareOverTime("degraded", "latency", "Share per target, strategy latency", "one of five equal targets takes ten times as long, then recovers").svg(),
		"day-shares.svg":   r.shareOverTime("day", "latency", "Share per target over a day, strategy latency", "from fast and dear (ash) to slow and cheap (fir), each with its own rate limits").svg(),
	}
}

// costQuality draws what the strategies that know both make of price and quality.
func (r results) costQuality() *chart {
	c := &chart{title: "Cost against quality", about: "six models; each point is a setting of a strategy, to the left and up is better",
		x: axis{title: "cost, US dollars per 1,000 requests", low: 0.15, high: 20, log: true}, y: axis{title: "mean quality of the model, 0 to 1", low: 0.4, high: 1}}
	at := func(name string) point { return r.of("choice", name).costAndQuality() }
	weights, floors := series{name: "balanced, weights", color: 0, dots: true}, series{name: "cost, min_quality", color: 1, dots: true, dashed: true}
	for i := range steps + 1 {
		weights.points = append(weights.points, at(weighing(i).name))
	}
	for _, one := range r["choice"] {
		if one.policy.strategy == "cost" {
			floors.points = append(floors.points, one.costAndQuality())
		}
	}
	sortByX(floors.points)
	c.series = []series{weights, floors}
	for i, name := range []string{"quality", "random", "round robin", "oracle"} {
		c.series = append(c.series, series{name: name, color: 2 + []int{0, 4, 1, 5}[i], points: []point{at(name)}})
	}
	c.series[5].name = fmt.Sprintf("oracle, ≥ %.1f", floor)
	return c
}

// difficulty draws what comes of reading prompts, beside strategies that know prices and mean
// qualities only.
func (r results) difficulty() *chart {
	c := &chart{title: "Cost against quality, prompts of known difficulty", about: "six models; the first four series divide requests between medium and huge",
		x: axis{title: "cost, US dollars per 1,000 requests", low: 1.5, high: 20, log: true}, y: axis{title: "share that is answered well", low: 0.7, high: 1, label: percent}}
	for i, kind := range sortingNames {
		line := series{name: []string{"own weights", "built-in weights", "by chance", "known difficulty"}[i], color: []int{0, 3, 6, 7}[i], dots: i < 2, dashed: i > 1}
		for k := range steps + 1 {
			line.points = append(line.points, r.of("difficulty", sortingName(kind, k)).costAndQuality())
		}
		c.series = append(c.series, line)
	}
	weights, floors := series{name: "balanced, weights", color: 2, dots: true}, series{name: "cost, min_quality", color: 1, dots: true, dashed: true}
	for _, one := range r["difficulty"] {
		at := one.costAndQuality()
		switch {
		case at.x < c.x.low || at.y < c.y.low: // cheaper than either of the two models
		case one.policy.strategy == "balanced":
			weights.points = append(weights.points, at)
		case one.policy.strategy == "cost":
			floors.points = append(floors.points, at)
		}
	}
	sortByX(weights.points)
	sortByX(floors.points)
	c.series = append(c.series, weights, floors)
	return c
}

// costAndQuality is the result as a point of such a chart.
func (r *result) costAndQuality() point { return point{1000 * r.meanCost(), r.meanQuality()} }

// bins is into how many parts the length of a scenario is divided.
const bins = 60

// tail draws the p99 over time.
func (r results) tail(scenario, title, about, marked string) *chart {
	list := r[scenario]
	s := list[0].scenario
	in := s.incidents[0]
	c := &chart{title: title, about: about, x: axis{title: "time, h:mm", high: s.length.Hours(), label: clock}, y: axis{title: "p99 of the whole answer, seconds", low: 5, high: 200, log: true},
		from: in.from.Hours(), to: in.to.Hours(), marked: marked}
	colors := map[string]int{"latency": 0, "least-busy": 1, "weighted": 2, "balanced": 3, "round robin": 4, "random": 6, "oracle": 7}
	for _, one := range list {
		line := series{name: one.policy.name, color: colors[one.policy.name], dashed: one.policy.baseline != nil}
		for i := range bins {
			from, to := s.length*time.Duration(i)/bins, s.length*time.Duration(i+1)/bins
			if p99 := one.quantile(0.99, from, to); p99 > 0 {
				line.points = append(line.points, point{(from + to).Hours() / 2, p99.Seconds()})
			}
		}
		c.series = append(c.series, line)
	}
	return c
}

// shareOverTime draws each target's share of the requests.
func (r results) shareOverTime(scenario, policy, title, about string) *chart {
	one := r.of(scenario, policy)
	s := one.scenario
	c := &chart{title: title, about: about, x: axis{title: "time, h:mm", high: s.length.Hours(), label: clock},
		y: axis{title: "share of the requests", high: 1, label: percent}, stacked: true}
	for k := range s.models {
		c.series = append(c.series, series{name: s.models[k].id, color: k})
	}
	for i := range bins {
		from, to := s.length*time.Duration(i)/bins, s.length*time.Duration(i+1)/bins
		sum := 0.0
		for k, share := range one.shares(from, to) {
			sum += share
			c.series[k].points = append(c.series[k].points, point{from.Hours(), sum}, point{to.Hours(), sum})
		}
	}
	return c
}

func sortByX(points []point) {
	slices.SortFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
}
