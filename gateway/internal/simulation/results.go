package main

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// size is how long and how dense the scenarios are.
type size struct {
	incident, limits, other time.Duration
	rate, dayRate           float64
}

func sizeOf(quick bool) size {
	if quick {
		return size{incident: 2 * time.Hour, limits: 4 * time.Minute, other: 6 * time.Minute, rate: 6, dayRate: 0.003}
	}
	return size{incident: 2 * time.Hour, limits: time.Hour, other: time.Hour, rate: 10, dayRate: 0.25}
}

// results are those of all scenarios, by their names and in the order of their policies.
type results map[string][]*result

// plan is one scenario with the policies that are compared on it.
type plan struct {
	scenario *scenario
	policies []policy
}

// steps is into how many parts the weights of balanced and the floor of cost are divided.
const steps = 10

func plans(z size, seed uint64) []plan {
	baselines := func(o policy) []policy { return []policy{roundRobin(), random(seed), o} }
	named := func(list []policy, names ...string) []policy {
		for _, n := range names {
			list = append(list, builtIn(n))
		}
		return list
	}
	curves := append(baselines(oracle(seed, cheapest(floor))), builtIn("quality"), costAbove(floor))
	curves = slices.Concat(curves, weighings(), floors())
	hard := difficulty(z.other, 2, seed)
	sorted := slices.Concat(baselines(oracle(seed, cheapest(floor))), sorting(hard, seed), weighings(), floors())
	all := []string{"ordered", "weighted", "least-busy", "cost", "quality", "latency", "balanced"}
	return []plan{
		{day(z.dayRate), named(baselines(oracle(seed, fastest)), all...)},
		{degraded(z.incident, z.rate), named(baselines(oracle(seed, fastest)), "weighted", "least-busy", "latency")},
		{outage(z.incident, z.rate), named(baselines(oracle(seed, fastest)), "weighted", "least-busy", "latency", "balanced")},
		{limited(z.limits, 0.9), named(baselines(oracle(seed, roomiest)), all...)},
		{choice(z.other, 2), curves},
		{hard, sorted},
		{agents(z.other, 0.3), append(named(baselines(oracle(seed, cheapest(0))), all...), policy{name: "weighted, sticky off", strategy: "weighted", with: []byte(`{"sticky":"off"}`)})},
	}
}

// weighings are balanced with all weights of cost, floors cost with all floors.
func weighings() (all []policy) {
	for i := range steps + 1 {
		all = append(all, weighing(i))
	}
	return all
}

func floors() (all []policy) {
	for i := range steps {
		all = append(all, costAbove(0.4+0.55*float64(i)/steps))
	}
	return all
}

// costAbove is the cost strategy with a floor.
func costAbove(quality float64) policy {
	return policy{name: fmt.Sprintf("cost ≥ %.2f", quality), strategy: "cost", with: fmt.Appendf(nil, `{"min_quality":%v}`, quality)}
}

// weighing is the balanced strategy with a weight for cost of so many steps, the rest for
// quality.
func weighing(step int) policy {
	w := float64(step) / steps
	return policy{name: fmt.Sprintf("balanced %.1f", w), strategy: "balanced", with: fmt.Appendf(nil, `{"cost":%v,"quality":%v,"latency":0}`, w, 1-w)}
}

// simulate plays plans, two policies at a time.
func simulate(t *testing.T, all []plan, m modules, seed uint64) (results, error) {
	r := results{}
	slots := make(chan struct{}, 2)
	var running sync.WaitGroup
	var mu sync.Mutex
	var first error
	for _, p := range all {
		list := make([]*result, len(p.policies))
		r[p.scenario.name] = list
		for i, with := range p.policies {
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots }()
				inBubble(t, func() {
					res, err := p.scenario.play(with, m, seed)
					mu.Lock()
					defer mu.Unlock()
					if list[i] = res; err != nil && first == nil {
						first = err
					}
				})
			})
		}
	}
	running.Wait()
	return r, first
}

// of returns the result of a policy in a scenario. Both must be planned.
func (r results) of(scenario, policy string) *result {
	for _, one := range r[scenario] {
		if one.policy.name == policy {
			return one
		}
	}
	panic("simulation: no result of " + policy + " in " + scenario)
}

// requests counts all requests.
func (r results) requests() int {
	n := 0
	for _, list := range r {
		for _, one := range list {
			n += len(one.served)
		}
	}
	return n
}
