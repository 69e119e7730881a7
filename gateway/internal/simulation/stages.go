package main

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/pipeline"
	"github.com/penstock/penstock/gateway/internal/upstream"
	"github.com/penstock/penstock/gateway/internal/wire/apierror"
)

// The stages of the gateway's own pipeline: the router, the health, the bounds and the memory of
// prompts are the real ones, the providers are simulated, and what has nothing to do with
// routing (policy, cache, budgets, ledger) lets everything pass.

// running is one request while it is served.
type running struct {
	turn    *turn
	session string
	// served is the answer of the target that was asked last; a request is at one at a time.
	served *body
}

type runningKey struct{}

func runningOf(ctx context.Context) *running { return ctx.Value(runningKey{}).(*running) }

// stages are those of one run.
type stages struct {
	// Dialects has the methods that no route of a simulation needs. It is nil.
	pipeline.Dialects

	route     *llm.Route
	providers map[string]*provider
	router    pipeline.Router
	health    *upstream.Health
	retries   *upstream.RetryBudget
	random    *rand.Rand // for the jitter of pauses
	note      func(*llm.Record)
}

// newPipeline returns the pipeline of a run. It is called when the run begins, by whose clock
// everything goes. There are no meter and no classifier: nothing asks them where no caller has a
// limit and no route has an endpoint.
func newPipeline(s *stages) *pipeline.Pipeline {
	return pipeline.New(pipeline.Stages{
		Routes: s, Policy: s, Cache: noCache{}, Router: s.router, Dialects: s, Upstream: s,
		Health: health{s.health}, Capacity: upstream.NewCapacity(1000, 10*time.Second), Prompts: upstream.NewPrompts(time.Now), Outputs: upstream.NewOutputs(),
		Tokens: s, Ledger: s, Sinks: []func(*llm.Record){s.note}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
}

// Find implements pipeline.Routes.
func (s *stages) Find(*llm.Request) (*llm.Route, []llm.Choice, error) { return s.route, nil, nil }

// Decide implements pipeline.Policy.
func (s *stages) Decide(context.Context, *llm.Request, *llm.Route) (llm.Decision, error) {
	return llm.Decision{Allow: true}, nil
}

// Prompt implements pipeline.Tokens.
func (s *stages) Prompt(string, *llm.Request) (int64, bool) { return 0, false }

// Write implements pipeline.Ledger.
func (s *stages) Write(context.Context, *llm.Record) error { return nil }

// Do implements pipeline.Upstream.
func (s *stages) Do(ctx context.Context, t *llm.Target, _ llm.Call) (*llm.Answer, error) {
	return s.providers[t.ID].call(ctx, runningOf(ctx))
}

// Redact implements pipeline.Upstream.
func (s *stages) Redact(_ *llm.Target, e *llm.Error) *llm.Error { return e }

// CountRequest implements pipeline.Upstream.
func (s *stages) CountRequest() { s.retries.Deposit() }

// MayRetry implements pipeline.Upstream.
func (s *stages) MayRetry() bool { return s.retries.Withdraw() }

// Backoff implements pipeline.Upstream.
func (s *stages) Backoff(try int, r llm.Retries) time.Duration {
	return upstream.Backoff(try-1, r.Min, r.Max, s.random.Float64)
}

// Prepare implements pipeline.Dialects.
func (s *stages) Prepare(_ context.Context, x *llm.Exchange) error { x.Sent = x.Request; return nil }

// Inline implements pipeline.Dialects.
func (s *stages) Inline(context.Context, *llm.Exchange) error { return nil }

// Inlines implements pipeline.Dialects.
func (s *stages) Inlines(*llm.Request, *llm.Target) bool { return false }

// Call implements pipeline.Dialects.
func (s *stages) Call(context.Context, *llm.Exchange) (llm.Call, error) { return llm.Call{}, nil }

// WorkAround implements pipeline.Dialects.
func (s *stages) WorkAround(*llm.Exchange, *llm.Error) llm.Quirks { return 0 }

// Read implements pipeline.Dialects. Refusals are read by the gateway's own reader.
func (s *stages) Read(ctx context.Context, _ *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	if a.Status >= 400 {
		text, _ := io.ReadAll(a.Body)
		a.Body.Close()
		return nil, apierror.Read(a.Status, a.Header, text, time.Now())
	}
	run := runningOf(ctx)
	return &reply{ctx: ctx, bytes: a.Body, body: run.served, run: run}, nil
}

// health is the gateway's own, at targets that have one credential each.
type health struct{ *upstream.Health }

// Stats implements pipeline.Health.
func (h health) Stats(target string) llm.Stats { return h.Health.Stats(target) }

// Cooling implements pipeline.Health.
func (h health) Cooling(target string) (string, time.Time) { return h.Health.Cooling(target) }

// Begin implements pipeline.Health.
func (h health) Begin(target string, a pipeline.Asking) (pipeline.Flight, bool) {
	f, ok := h.Health.Begin(target, upstream.Asking{Request: a.Request, Session: a.Session, Tokens: a.Tokens})
	return flight{f}, ok
}

// Spare implements pipeline.Health.
func (h health) Spare(string, pipeline.Asking) bool { return false }

type flight struct{ upstream.Flight }

// Done implements pipeline.Flight.
func (f flight) Done(o pipeline.Outcome) { f.Flight.Done(upstream.Outcome(o)) }

// noCache is a cache that is off.
type noCache struct{}

// Find implements pipeline.Cache.
func (noCache) Find(context.Context, *llm.Request, *llm.Route, *llm.Decision) (pipeline.Slot, error) {
	return noCache{}, nil
}

// ExplainSimilar implements pipeline.Cache.
func (noCache) ExplainSimilar(context.Context, *llm.Request, *llm.Route, *llm.Decision) *llm.SimilarLookup {
	return nil
}

// State implements pipeline.Slot.
func (noCache) State() llm.CacheState { return llm.CacheOff }

// Reply implements pipeline.Slot.
func (noCache) Reply(context.Context) (*llm.StoredReply, error) { return nil, nil }

// Discard implements pipeline.Slot.
func (noCache) Discard() {}

// Context implements pipeline.Slot.
func (noCache) Context(ctx context.Context) context.Context { return ctx }

// Part implements pipeline.Slot.
func (noCache) Part(*llm.Target) (*llm.Part, error) { return nil, nil }

// Fill implements pipeline.Slot.
func (noCache) Fill(r llm.Stream, _ *llm.Target) llm.Stream { return r }

// Followed implements pipeline.Slot.
func (noCache) Followed() bool { return false }

// Wanted implements pipeline.Slot.
func (noCache) Wanted() bool { return false }

// Close implements pipeline.Slot.
func (noCache) Close(error) {}

// Similar implements pipeline.Slot.
func (noCache) Similar() *llm.SimilarLookup { return nil }
