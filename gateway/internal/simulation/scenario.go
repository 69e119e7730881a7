package main

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// scenario is what happens at the targets of one route, and the traffic that it gets.
type scenario struct {
	name, about string
	// length is how long requests arrive.
	length time.Duration
	models []model
	traffic
	incidents []incident
}

// traffic describes the requests of a scenario. Lengths are in tokens; each is drawn from a
// lognormal distribution with this median and spread, the standard deviation of the logarithm.
type traffic struct {
	// rate is the mean number of conversations that begin in a second. With diurnal it follows
	// the time of day, between 0.3 and 1.7 times that, with its peak at 14:00.
	rate    float64
	diurnal bool
	// agents is the share of the conversations that are agents' sessions: 2 to 40 requests, each
	// with the last prompt, its reply and more. The others are single requests.
	agents         float64
	prompt, output int64
	spread         float64
	// plain is the share of the requests that are not streamed.
	plain float64
	// questions says that requests ask something, of a difficulty.
	questions bool
}

// model is a simulated target. Prices are in US dollars per million tokens.
type model struct {
	id string
	// first is the median time to the first token, speed the median of tokens per second;
	// jitter is the standard deviation of the logarithm of both.
	first  time.Duration
	speed  float64
	jitter float64
	// slots is how many requests it serves at full speed; 0 means any number. With n times as
	// many, all take n times as long.
	slots int

	input, output, cached float64
	quality, weight       float64
	limit                 limit
	// ability is which questions it answers well, in a scenario that has questions.
	ability float64
}

// incident is a time in which a target is slower by a factor, or fails all requests.
type incident struct {
	target     string
	from, to   time.Duration
	slower     float64
	down, hung bool
}

// target returns the model as the gateway's configuration has it.
func (m *model) target() *llm.Target {
	usd := func(x float64) llm.NanoUSD { return llm.NanoUSD(x * float64(llm.USD)) }
	weight := m.weight
	if weight == 0 {
		weight = 1
	}
	return &llm.Target{ID: m.id + "/m", Provider: m.id, Model: "m", Dialect: llm.OpenAI, Weight: weight, Quality: m.quality, Context: 1 << 20,
		Price: llm.Price{Known: true, Input: usd(m.input), Output: usd(m.output), CacheRead: usd(m.cached)}}
}

// route returns the route of the scenario's targets, with the defaults of the configuration.
func (s *scenario) route(p policy) *llm.Route {
	r := &llm.Route{Name: "sim", Router: p.strategy, With: p.with,
		Retries: llm.Retries{Attempts: 2, Total: 10, Min: 200 * time.Millisecond, Max: 5 * time.Second},
		Timeout: llm.Timeouts{FirstToken: 12 * time.Second, Idle: 20 * time.Second, PingIdle: 2 * time.Minute, Total: 10 * time.Minute}}
	for i := range s.models {
		r.Targets = append(r.Targets, s.models[i].target())
	}
	if p.targets != nil {
		r.Targets = p.targets(r.Targets)
	}
	return r
}

// incidentAt returns what is the matter with a target at a time since the scenario's start;
// nil for nothing.
func (s *scenario) incidentAt(target string, at time.Duration) *incident {
	for i := range s.incidents {
		if in := &s.incidents[i]; in.target == target && in.from <= at && at < in.to {
			return in
		}
	}
	return nil
}
