package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/penstock/penstock/gateway/internal/bounded"
	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/pipeline"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/upstream"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// The types in this file adapt the parts to the pipeline's interfaces. They make no
// decisions.

// policyStage is the policy engine.
type policyStage struct{ engine *policy.Engine }

func (s policyStage) Decide(ctx context.Context, req *llm.Request, route *llm.Route) (llm.Decision, error) {
	targets := route.All()
	in := policy.Input{Request: req, Route: route.Name, Targets: targets, DataClasses: req.Demands.Classes, Now: req.At, Explained: req.Dry}
	in.EstCost, in.CostKnown = llm.WorstCost(targets, &req.Facts)
	return s.engine.Decide(ctx, in)
}

// routerStage holds the rankers of the routes by rankerName.
type routerStage struct {
	rankers map[string]*wasm.Ranker
	// strict are the routers whose failure fails the request.
	strict map[string]bool
	// facts are what the routers know of the routes.
	facts *bounded.Map[*llm.Route, *llm.RouteFacts]
}

// newRouterStage returns a stage without rankers.
func newRouterStage() routerStage {
	return routerStage{map[string]*wasm.Ranker{}, map[string]bool{}, &bounded.Map[*llm.Route, *llm.RouteFacts]{Max: maxRouteFacts}}
}

// maxRouteFacts bounds the routes whose facts are kept; those of others are made again.
const maxRouteFacts = 8192

func (s routerStage) Rank(ctx context.Context, req *llm.Request, route *llm.Route, c []llm.Candidate) llm.Ranking {
	ranker := s.rankers[rankerName(route)]
	ranking := ranker.Rank(ctx, req, c)
	ranking.Strict = s.strict[route.Router]
	ranking.Facts = s.factsOf(route, ranker)
	ranking.Input.Route = ranking.Facts.Digest
	return ranking
}

func (s routerStage) factsOf(route *llm.Route, ranker *wasm.Ranker) *llm.RouteFacts {
	if f, ok := s.facts.Get(route); ok {
		return f
	}
	f := llm.NewRouteFacts(route, ranker.Router().Module())
	s.facts.Put(route, f)
	return f
}

// rankerName returns the key of a route's ranker. Routes with the same router and settings
// share one.
func rankerName(route *llm.Route) string { return route.Router + "\x00" + string(route.With) }

// dialectStage stands between the client's wire format and a target's.
type dialectStage struct{ *wire.Dialects }

func (s dialectStage) Transcript() pipeline.Transcript { return s.Dialects.Transcript() }

func (s dialectStage) LastUserText(ctx context.Context, req *llm.Request) string {
	return string(wasm.AppendLastUser(ctx, nil, req))
}

// upstreamStage sends calls with the client of the target's provider.
type upstreamStage struct {
	clients map[string]*client
	retries *upstream.RetryBudget
}

func (s upstreamStage) Do(ctx context.Context, t *llm.Target, call llm.Call) (*llm.Answer, error) {
	client, ok := s.clients[t.Provider]
	if !ok {
		return nil, fmt.Errorf("no client for provider %s", t.Provider)
	}
	return client.Do(ctx, call)
}

func (s upstreamStage) Redact(t *llm.Target, e *llm.Error) *llm.Error {
	client, ok := s.clients[t.Provider]
	if !ok {
		return e
	}
	return client.Redact(e)
}

func (s upstreamStage) CountRequest() { s.retries.Deposit() }

func (s upstreamStage) MayRetry() bool { return s.retries.Withdraw() }

func (s upstreamStage) Backoff(try int, r llm.Retries) time.Duration {
	return upstream.Backoff(try-1, r.Min, r.Max, rand.Float64)
}

// healthStage is the health of the targets.
type healthStage struct {
	health  *upstream.Health
	clients map[string]*client
}

func (s healthStage) Stats(target string) llm.Stats {
	return s.health.Stats(target, credentialsOf(s.clients, target)...)
}

func (s healthStage) Cooling(target string) (string, time.Time) {
	return s.health.Cooling(target, credentialsOf(s.clients, target)...)
}

func (s healthStage) Begin(target string, a pipeline.Asking) (pipeline.Flight, bool) {
	f, ok := s.health.Begin(target, s.asking(target, a))
	return flight{f}, ok
}

func (s healthStage) Spare(target string, a pipeline.Asking) bool {
	return s.health.Spare(target, s.asking(target, a))
}

func (s healthStage) asking(target string, a pipeline.Asking) upstream.Asking {
	return upstream.Asking{Request: a.Request, Session: a.Session, Tokens: a.Tokens, Credentials: credentialsOf(s.clients, target), Not: a.Not, LastResort: a.LastResort}
}

type flight struct{ upstream.Flight }

func (f flight) Done(o pipeline.Outcome) { f.Flight.Done(upstream.Outcome(o)) }

// transform is a plugin that a route uses as a transform.
type transform struct{ *wasm.Transform }

func (t transform) Events(ctx context.Context, x *llm.Exchange) (wire.Filter, error) {
	f, err := t.Transform.Events(ctx, x)
	if f == nil { // a nil in an interface would not be nil
		return nil, err
	}
	return f, err
}

// translators are the translators of the dialects other than OpenAI's.
type translators map[llm.Dialect]wire.Translator

func (t translators) Request(ctx context.Context, e wire.Envelope, body []byte) (llm.Call, wire.Notes, error) {
	return t[e.Target.Dialect].Request(ctx, e, body)
}

func (t translators) Response(ctx context.Context, e wire.Envelope, a *llm.Answer, body []byte) ([]byte, error) {
	return t[e.Target.Dialect].Response(ctx, e, a, body)
}

func (t translators) Events(ctx context.Context, e wire.Envelope) (wire.Translation, error) {
	return t[e.Target.Dialect].Events(ctx, e)
}

// translator is a module with dialects of providers.
type translator struct{ *wasm.ProviderDialect }

func (t translator) Request(ctx context.Context, e wire.Envelope, body []byte) (llm.Call, wire.Notes, error) {
	call, notes, err := t.TransformRequest(ctx, hook.ProviderRequest{Dialect: e.Target.Dialect, Target: e.Target,
		RequestID: e.RequestID, Stream: e.Stream, Body: body})
	return call, wire.Notes(notes), err
}

func (t translator) Response(ctx context.Context, e wire.Envelope, a *llm.Answer, body []byte) ([]byte, error) {
	return t.NormalizeResponse(ctx, hook.ProviderReply{Dialect: e.Target.Dialect, Target: e.Target,
		RequestID: e.RequestID, Created: e.Created, Status: a.Status, Header: a.Header, Body: body,
		Context: e.Context})
}

func (t translator) Events(ctx context.Context, e wire.Envelope) (wire.Translation, error) {
	return t.ProviderDialect.Events(ctx, hook.ProviderStream{Dialect: e.Target.Dialect, Target: e.Target,
		RequestID: e.RequestID, Created: e.Created, IncludeUsage: e.IncludeUsage,
		Context: e.Context})
}

// cacheStage is the response cache.
type cacheStage struct{ *cache.Cache }

func (s cacheStage) Find(ctx context.Context, req *llm.Request, route *llm.Route, d *llm.Decision) (pipeline.Slot, error) {
	return s.Cache.Find(ctx, req, route, d), nil
}

// sinks returns what gets each record besides the ledger: the metrics, the recorder of
// plugins' calls, the decision log and the observers.
func (s *Server) sinks() []func(*llm.Record) {
	sinks := []func(*llm.Record){s.telemetry.Observe, s.cacheTally.observe, s.activity.Observe, s.feed.publish, s.finishRecording}
	if s.decisions != nil {
		sinks = append(sinks, s.logSettled)
	}
	return append(sinks, s.observed()...)
}

// finishRecording tells the recorder of plugins' calls that a request has ended.
func (s *Server) finishRecording(r *llm.Record) {
	if calls := s.recorder.Load(); calls != nil {
		calls.Finish(r.ID)
	}
}

func (s *Server) logSettled(r *llm.Record) {
	if r.Decision != nil && r.MirrorOf == "" { // which no policy was asked about
		s.decisions.Settled(r.Kept())
	}
}
