package main

import (
	"cmp"
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/pipeline"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
	"github.com/penstock/penstock/plugins/strategies"
)

// policy is a way of choosing targets that is compared with others: a built-in strategy with
// its settings, or a baseline that is no part of the gateway.
type policy struct {
	name string
	// strategy and with are a route's; empty for a baseline.
	strategy string
	with     json.RawMessage
	// baseline makes the router of one run.
	baseline func(*stages) pipeline.Router
	// trained says that the module has weights that were trained on questions of the scenario.
	trained bool
	// targets changes the route's targets and leaves some out; nil for all as they are.
	targets func([]*llm.Target) []*llm.Target
}

func builtIn(strategy string) policy { return policy{name: strategy, strategy: strategy} }

// The baselines. Round robin and random know nothing but which targets the gateway takes to be
// usable; the oracles know the true state of every target, but not what chance will do.
func roundRobin() policy {
	return policy{name: "round robin", baseline: func(*stages) pipeline.Router {
		n := 0
		return ranker(func(_ context.Context, c []llm.Candidate) []int {
			n++
			order := identity(len(c))
			return append(order[n%len(c):], order[:n%len(c)]...)
		})
	}}
}

func random(seed uint64) policy {
	return policy{name: "random", baseline: func(*stages) pipeline.Router {
		r := rand.New(rand.NewPCG(seed, 2))
		return ranker(func(_ context.Context, c []llm.Candidate) []int { return r.Perm(len(c)) })
	}}
}

// oracle puts first what costs least by a figure. Equals are shuffled.
func oracle(seed uint64, figure func(p *provider, r *running, now time.Time) float64) policy {
	return policy{name: "oracle", baseline: func(s *stages) pipeline.Router {
		r := rand.New(rand.NewPCG(seed, 3))
		return ranker(func(ctx context.Context, c []llm.Candidate) []int {
			now, run, order := time.Now(), runningOf(ctx), r.Perm(len(c))
			figures := make([]float64, len(c))
			for i := range c {
				figures[i] = s.providers[c[i].Target.ID].judged(run, now, figure)
			}
			slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(figures[a], figures[b]) })
			return order
		})
	}}
}

// hopeless is the figure of a target that would not serve the request.
const hopeless = 1e12

// judged is the figure of a provider, or hopeless.
func (p *provider) judged(run *running, now time.Time, figure func(*provider, *running, time.Time) float64) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if status, silent := p.refusing(now); status > 0 || silent || !p.limits.fits(now, run.turn.prompt+run.turn.output) {
		return hopeless
	}
	return figure(p, run, now)
}

// fastest is the expected time of a request, in milliseconds.
func fastest(p *provider, run *running, now time.Time) float64 {
	x := p.expected(now, run.turn)
	return float64((x.first + x.rest).Milliseconds())
}

// cheapest returns what a request of this prompt costs on average, for targets of at least that
// quality: how long the reply will be is up to chance.
func cheapest(floor float64) func(*provider, *running, time.Time) float64 {
	return func(p *provider, run *running, now time.Time) float64 {
		cost := float64(p.price.Cost(p.usage(now, run.session, run.turn, p.scenario.meanOutput())))
		if p.quality < floor {
			return cost + hopeless/2
		}
		return cost
	}
}

// roomiest is the target with the largest share of its limits left.
func roomiest(p *provider, _ *running, now time.Time) float64 { return -p.limits.share(now) }

// ranker is a baseline as a pipeline.Router.
type ranker func(context.Context, []llm.Candidate) []int

// Rank implements pipeline.Router.
func (r ranker) Rank(ctx context.Context, _ *llm.Request, route *llm.Route, c []llm.Candidate) llm.Ranking {
	return llm.Ranking{Router: route.Router, Order: r(ctx, c)}
}

func identity(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// strategyRouter is a strategy of the built-in module as a pipeline.Router.
type strategyRouter struct{ *wasm.Ranker }

// Rank implements pipeline.Router.
func (r strategyRouter) Rank(ctx context.Context, req *llm.Request, _ *llm.Route, c []llm.Candidate) llm.Ranking {
	return r.Ranker.Rank(ctx, req, c)
}

// routerOf returns the router of a run.
func (p policy) routerOf(s *stages, m modules) (pipeline.Router, error) {
	if p.baseline != nil {
		return p.baseline(s), nil
	}
	module := m.builtIn
	if p.trained {
		module = m.trained
	}
	reads, err := hook.ParseReads(strategies.Reads(p.strategy))
	if err != nil {
		return nil, err
	}
	if reads != 0 {
		module = module.WithReads(reads)
	}
	k, err := module.Prepare(p.strategy, p.with)
	return strategyRouter{k}, err
}
