package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/upstream"
)

// play sends the scenario's traffic through the gateway's pipeline with one policy. It must be
// called in a bubble of testing/synctest, by whose clock everything goes: a day takes as long
// as its requests take to compute.
func (s *scenario) play(p policy, m modules, seed uint64) (*result, error) {
	start := time.Now()
	random := rand.New(rand.NewPCG(seed, 4))
	res := newResult(s, p, start)
	st := &stages{
		route: s.route(p), providers: map[string]*provider{}, random: random, note: res.note,
		health:  upstream.NewHealth(upstream.HealthOptions{Random: random.Float64}, time.Now),
		retries: upstream.NewRetryBudget(upstream.RetryBudgetOptions{Share: 0.2, PerSecond: 10, Burst: 100}, time.Now),
	}
	for _, one := range s.models {
		st.providers[one.target().ID] = newProvider(s, one, start)
	}
	var err error
	if st.router, err = p.routerOf(st, m); err != nil {
		return nil, fmt.Errorf("policy %s: %w", p.name, err)
	}
	gateway := newPipeline(st)
	var open sync.WaitGroup
	all := s.conversations(seed)
	res.expect(all)
	for _, c := range all {
		time.Sleep(c.start - time.Since(start))
		open.Go(func() {
			for i := range c.turns {
				time.Sleep(c.turns[i].think)
				run := &running{turn: &c.turns[i], session: c.session}
				// What came of it is in its record.
				_ = gateway.Serve(context.WithValue(context.Background(), runningKey{}, run), run.request(), discard{})
			}
		})
	}
	open.Wait()
	return res, nil
}

// overestimate is how much longer than it is the gateway takes a prompt to be: a token has
// about four bytes, of which it counts three.
const overestimate = 4.0 / 3

// request is the request as the gateway's HTTP API would have read it.
func (r *running) request() *llm.Request {
	t := r.turn
	var body []byte
	if t.question != nil {
		body = t.question.body()
	}
	return &llm.Request{Body: body, ID: t.id, Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, Session: r.session, Received: time.Now(),
		Facts: llm.Facts{Model: "sim", Stream: t.stream, Choices: 1, Messages: 1, TextBytes: 4 * t.prompt,
			EstInputTokens: int64(float64(t.prompt) * overestimate)}}
}

// discard is a caller that reads as fast as it can.
type discard struct{}

// Start implements llm.Writer.
func (discard) Start(llm.Head) error { return nil }

// Event implements llm.Writer.
func (discard) Event(llm.Event) error { return nil }

// KeepAlive implements llm.Writer.
func (discard) KeepAlive(llm.Head) (bool, error) { return false, nil }
