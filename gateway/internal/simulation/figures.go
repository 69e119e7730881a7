package main

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// figure is a goal and what was reached.
type figure struct {
	what  string
	value string
	goal  string
	met   bool
}

// figures are the goals of routing.
func (r results) figures() []figure {
	return []figure{r.latencyFigure(), r.recoveryFigure("degraded", "latency"), r.recoveryFigure("outage", "latency"), r.recoveryFigure("outage", "weighted"),
		r.costFigure(), r.balancedFigure(), r.shareFigure(), r.sortingFigure(), r.limitsFigure(), r.affinityFigure()}
}

func (r results) latencyFigure() figure {
	during := func(policy string) time.Duration {
		one := r.of("degraded", policy)
		in := one.scenario.incidents[0]
		return one.quantile(0.99, in.from, in.to)
	}
	ratio := during("latency").Seconds() / during("oracle").Seconds()
	return figure{"p99 of latency ÷ that of the oracle, one of five targets degraded 10×", fmt.Sprintf("%.3f", ratio), "≤ 1.10", ratio <= 1.10}
}

// window is how long the shares after a recovery are counted for, each.
const window = 2 * time.Minute

func (r results) recoveryFigure(scenario, policy string) figure {
	one := r.of(scenario, policy)
	most := 0.0
	for at := one.scenario.incidents[0].to; at+window <= one.scenario.length; at += window {
		for _, share := range one.shares(at, at+window) {
			most = max(most, share*float64(len(one.scenario.models)))
		}
	}
	return figure{"largest share of a target in 2 minutes after the " + scenarioEvent(scenario) + ", " + policy + ", in fair shares",
		fmt.Sprintf("%.2f", most), "≤ 1.50", most <= 1.5}
}

func scenarioEvent(scenario string) string {
	if scenario == "degraded" {
		return "degradation"
	}
	return scenario
}

func (r results) costFigure() figure {
	ratio := r.of("choice", fmt.Sprintf("cost ≥ %.2f", floor)).meanCost() / r.of("choice", "oracle").meanCost()
	return figure{fmt.Sprintf("cost of a request with min_quality %.2f ÷ that at the cheapest adequate target", floor), fmt.Sprintf("%.3f", ratio), "≤ 1.02", ratio <= 1.02}
}

func (r results) balancedFigure() figure {
	rises := 0
	for i := range steps {
		before, after := r.of("choice", weighing(i).name), r.of("choice", weighing(i+1).name)
		if after.meanCost() > before.meanCost()*1.001 || after.meanQuality() > before.meanQuality()+0.001 {
			rises++
		}
	}
	return figure{"steps at which cost or quality rises with the weight of cost in balanced", fmt.Sprint(rises), "0", rises == 0}
}

// shareFigure compares the share of strong calls with the one that is wanted.
func (r results) shareFigure() figure {
	most := 0.0
	for i := range steps + 1 {
		one := r.of("difficulty", sortingName(sortingNames[0], i))
		share := one.shares(0, one.scenario.length)[one.scenario.indexOf(strongModel)]
		most = max(most, math.Abs(share-float64(i)/steps))
	}
	return figure{"largest distance of the classifier's share of strong calls from the wanted one, own weights", fmt.Sprintf("%.3f", most), "≤ 0.07", most <= 0.07}
}

// sortingFigure compares what reading prompts adds to as many strong calls by chance with what
// knowing their difficulty does.
func (r results) sortingFigure() figure {
	mean := func(kind string) float64 {
		sum := 0.0
		for i := range steps + 1 {
			sum += r.of("difficulty", sortingName(kind, i)).meanQuality()
		}
		return sum
	}
	chance := mean(sortingNames[2])
	ratio := (mean(sortingNames[0]) - chance) / (mean(sortingNames[3]) - chance)
	return figure{"what the classifier with own weights adds to strong calls by chance ÷ what known difficulties do", fmt.Sprintf("%.2f", ratio), "≥ 0.60", ratio >= 0.6}
}

func (r results) limitsFigure() figure {
	most, of := 0.0, ""
	for _, one := range r["limits"] {
		if x := one.refusals(); one.policy.baseline == nil && x >= most {
			most, of = x, one.policy.name
		}
	}
	return figure{"429s at 90 % of the summed limits, in relation to requests; the worst strategy, " + of, fmt.Sprintf("%.4f %%", most*100), "≤ 0.1 %", most <= 0.001}
}

func (r results) affinityFigure() figure {
	least, of := 1.0, ""
	for _, one := range r["agents"] {
		if x := one.affinity(); one.policy.baseline == nil && string(one.policy.with) == "" && x <= least {
			least, of = x, one.policy.name
		}
	}
	return figure{"share of a session's requests at one target; the worst strategy, " + of, fmt.Sprintf("%.1f %%", least*100), "≥ 95 %", least >= 0.95}
}

// missed returns an error that names the figures that were not met; nil if all were.
func missed(figures []figure) error {
	var errs []error
	for _, f := range figures {
		if !f.met {
			errs = append(errs, fmt.Errorf("missed: %s: %s, want %s", f.what, f.value, f.goal))
		}
	}
	return errors.Join(errs...)
}
