package main

import (
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// result is what came of a scenario under one policy.
type result struct {
	scenario *scenario
	policy   policy
	start    time.Time
	served   []served
	// questions are what requests ask, by their ids; empty where that does not matter.
	questions map[string]*question
	// attempts counts calls of targets, refused those that were answered with a 429.
	attempts, refused int
}

// served is one request.
type served struct {
	at time.Duration // of its arrival, since the start of the scenario
	// target is the number of the one that answered, -1 for none.
	target  int
	session string
	took    time.Duration
	cost    llm.NanoUSD
	// quality is that of the target, or its chance to answer the request's question well.
	quality float64
}

func newResult(s *scenario, p policy, start time.Time) *result {
	return &result{scenario: s, policy: p, start: start}
}

// expect notes what the requests of these conversations ask.
func (r *result) expect(all []conversation) {
	if !r.scenario.questions {
		return
	}
	r.questions = map[string]*question{}
	for _, c := range all {
		for i := range c.turns {
			r.questions[c.turns[i].id] = c.turns[i].question
		}
	}
}

// note takes a request's record. Only one request ends at a time.
func (r *result) note(rec *llm.Record) {
	one := served{at: rec.Time.Sub(r.start), target: -1, session: rec.Session, took: time.Duration(rec.Duration), cost: rec.Cost}
	if rec.Status == http.StatusOK {
		one.target = r.scenario.indexOf(rec.Provider)
		m := &r.scenario.models[one.target]
		if one.quality = m.quality; r.questions != nil {
			one.quality = r.questions[rec.ID].chance(m.ability)
		}
	}
	r.served = append(r.served, one)
	for _, a := range rec.Attempts {
		r.attempts++
		if a.Status == http.StatusTooManyRequests {
			r.refused++
		}
	}
}

// failed returns the share of the requests that no target has answered.
func (r *result) failed() float64 {
	n := 0
	for i := range r.served {
		if r.served[i].target < 0 {
			n++
		}
	}
	return float64(n) / float64(len(r.served))
}

// refusals returns the number of 429s from targets in relation to the requests.
func (r *result) refusals() float64 { return float64(r.refused) / float64(len(r.served)) }

// quantile returns the time in which a share of the requests between two times was answered; one
// that failed counts with the time until it did.
func (r *result) quantile(share float64, from, to time.Duration) time.Duration {
	var took []time.Duration
	for i := range r.served {
		if s := &r.served[i]; s.at >= from && s.at < to {
			took = append(took, s.took)
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[min(int(share*float64(len(took))), len(took)-1)]
}

// meanCost returns what an answered request costs, in US dollars.
func (r *result) meanCost() float64 {
	sum, n := llm.NanoUSD(0), 0
	for i := range r.served {
		if r.served[i].target >= 0 {
			sum, n = sum+r.served[i].cost, n+1
		}
	}
	return float64(sum) / float64(llm.USD) / float64(max(n, 1))
}

// meanQuality returns the mean quality of the targets that answered, or where requests ask
// questions the share that is answered well, as is to be expected.
func (r *result) meanQuality() float64 {
	sum, n := 0.0, 0
	for i := range r.served {
		if r.served[i].target >= 0 {
			sum, n = sum+r.served[i].quality, n+1
		}
	}
	return sum / float64(max(n, 1))
}

// shares returns each target's share of the answered requests between two times.
func (r *result) shares(from, to time.Duration) []float64 {
	shares, n := make([]float64, len(r.scenario.models)), 0
	for i := range r.served {
		if s := &r.served[i]; s.target >= 0 && s.at >= from && s.at < to {
			shares[s.target]++
			n++
		}
	}
	for i := range shares {
		shares[i] /= float64(max(n, 1))
	}
	return shares
}

// affinity returns the share of the sessions' requests that went to the target which has
// answered most of their session.
func (r *result) affinity() float64 {
	counts := map[string]map[int]int{}
	for i := range r.served {
		if s := &r.served[i]; s.session != "" {
			if counts[s.session] == nil {
				counts[s.session] = map[int]int{}
			}
			counts[s.session][s.target]++
		}
	}
	home, all := 0, 0
	for _, targets := range counts {
		most := 0
		for _, n := range targets {
			most, all = max(most, n), all+n
		}
		home += most
	}
	return float64(home) / float64(max(all, 1))
}
