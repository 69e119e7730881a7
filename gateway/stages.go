package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/pipeline"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/telemetry"
	"github.com/penstock/penstock/gateway/internal/upstream"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// The types in this file fit the parts to the pipeline's interfaces. They hold no
// decisions: only the words differ on the two sides.

// policyStage asks the policy engine.
type policyStage struct{ engine *policy.Engine }

func (s policyStage) Decide(ctx context.Context, req *llm.Request, route *llm.Route) (llm.Decision, error) {
	in := policy.Input{Request: req, Route: route.Name, Targets: route.Targets, Now: req.At, Unlogged: req.Dry}
	for _, t := range route.Targets {
		if t.Price.Known {
			in.CostKnown = true
			in.EstCost = max(in.EstCost, llm.EstimateOf(t, &req.Facts, 0, 0).Cost())
		}
	}
	return s.engine.Decide(ctx, in)
}

// routerStage knows the ranker of every route, and the routers without whose opinion a
// request does not go on.
type routerStage struct {
	rankers map[string]*wasm.Ranker
	strict  map[string]bool
}

func (s routerStage) Rank(ctx context.Context, req *llm.Request, route *llm.Route, c []llm.Candidate) llm.Ranking {
	ranking := s.rankers[rankerName(route)].Rank(ctx, req, c)
	ranking.Strict = s.strict[route.Router]
	return ranking
}

// rankerName is the name under which a route's ranker is kept: routes with the same
// router and settings share one.
func rankerName(route *llm.Route) string { return route.Router + "\x00" + string(route.With) }

// upstreamStage sends calls to the client of the target's provider.
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

// healthStage keeps the live figures of targets.
type healthStage struct{ *upstream.Health }

func (s healthStage) Begin(target, request string) (pipeline.Flight, bool) {
	f, ok := s.Health.Begin(target, request)
	return flight{f}, ok
}

type flight struct{ upstream.Flight }

func (f flight) Done(o pipeline.Outcome) { f.Flight.Done(upstream.Outcome(o)) }

// transform is a plugin on a route.
type transform struct{ *wasm.Transform }

func (t transform) Events(ctx context.Context, x *llm.Exchange) (wire.Filter, error) {
	f, err := t.Transform.Events(ctx, x)
	if f == nil { // a nil in an interface would not be nil
		return nil, err
	}
	return f, err
}

// translators knows the module of every dialect but OpenAI's.
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

// translator runs one dialects module.
type translator struct{ *wasm.Dialects }

func (t translator) Request(ctx context.Context, e wire.Envelope, body []byte) (llm.Call, wire.Notes, error) {
	call, notes, err := t.TransformRequest(ctx, wasm.Outbound{Dialect: e.Target.Dialect, Target: e.Target,
		RequestID: e.RequestID, Stream: e.Stream, Body: body})
	return call, wire.Notes(notes), err
}

func (t translator) Response(ctx context.Context, e wire.Envelope, a *llm.Answer, body []byte) ([]byte, error) {
	return t.NormaliseResponse(ctx, wasm.Inbound{Dialect: e.Target.Dialect, Target: e.Target,
		RequestID: e.RequestID, Created: e.Created, Status: a.Status, Header: a.Header, Body: body,
		Context: e.Context})
}

func (t translator) Events(ctx context.Context, e wire.Envelope) (wire.Translation, error) {
	return t.Dialects.Events(ctx, wasm.Opening{Dialect: e.Target.Dialect, Target: e.Target,
		RequestID: e.RequestID, Created: e.Created, IncludeUsage: e.IncludeUsage,
		Context: e.Context})
}

// cacheStage keeps answers under keys made of all that an answer depends on.
type cacheStage struct{ *cache.Cache }

func (s cacheStage) Lookup(req *llm.Request, route *llm.Route, v *llm.Decision) (pipeline.Cached, bool) {
	e, ok := s.Get(s.key(req, route, v))
	if !ok || req.Cache.MaxAge > 0 && e.Age(time.Now()) > req.Cache.MaxAge {
		return pipeline.Cached{}, false
	}
	return pipeline.Cached{Stream: e.Replay(), Target: e.Target, Age: e.Age(time.Now())}, true
}

func (s cacheStage) Tee(req *llm.Request, route *llm.Route, v *llm.Decision, t *llm.Target, stream llm.Stream) llm.Stream {
	return s.Cache.Tee(stream, cache.Recording{Key: s.key(req, route, v), TTL: lifetime(req, route, v),
		Stream: req.Facts.Stream, Namespace: req.Cache.Namespace, Model: req.Facts.Model, Target: t.ID})
}

// defaultTTL is how long an answer is kept whose caching only the policy asked for.
const defaultTTL = 5 * time.Minute

// lifetime is how long an answer is kept: the policy has the last word, then the
// caller, then the route.
func lifetime(req *llm.Request, route *llm.Route, v *llm.Decision) time.Duration {
	duty := time.Duration(v.Obligations.Cache.TTLSeconds) * time.Second
	return cmp.Or(duty, req.Cache.TTL, route.CacheTTL, defaultTTL)
}

// key separates answers by tenant, namespace, route and targets before it looks at
// the request itself.
func (s cacheStage) key(req *llm.Request, route *llm.Route, v *llm.Decision) cache.Key {
	o := &v.Obligations
	targets := make([]byte, 0, 256)
	for _, t := range route.Targets {
		targets = append(append(targets, t.ID...), 0)
	}
	for _, list := range [][]string{o.AllowTargets, o.DenyTargets} {
		targets = append(append(targets, strings.Join(list, "\x00")...), 1)
	}
	targets = strconv.AppendInt(targets, o.MaxOutputTokens, 10)
	parts := [][]byte{[]byte(tenant(req, route, v)), []byte(req.Cache.Namespace), []byte(route.Name), targets,
		[]byte(route.Revision), []byte(req.Dialect)}
	if len(route.Transforms) == 0 {
		return s.RequestKey(req.Body, req.Facts, parts...)
	}
	return s.WholeRequestKey(req.Body, req.Facts, append(parts, toldToTransforms(req)...)...)
}

// toldToTransforms is what a route's transforms are told beside the body, and may answer
// by: two callers share an answer only if they are the same to them. The request's id is
// left out, since no two requests have the same.
func toldToTransforms(req *llm.Request) [][]byte {
	who := &req.Principal
	told := [][]byte{[]byte(who.KeyID), []byte(who.Team), []byte(who.User), []byte(req.Facts.Model)}
	for _, name := range slices.Sorted(maps.Keys(req.Tags)) {
		told = append(told, []byte(name), []byte(req.Tags[name]))
	}
	return told
}

// tenant is who may share answers with whom: by default a team, else the holder of
// a key, else all the anonymous.
func tenant(req *llm.Request, route *llm.Route, v *llm.Decision) string {
	switch {
	case v.Obligations.Cache.Scope != "":
		return "policy:" + v.Obligations.Cache.Scope
	case route.CacheShared:
		return "shared"
	case req.Principal.Team != "":
		return "team:" + req.Principal.Team
	case req.Principal.KeyID != "":
		return "key:" + req.Principal.KeyID
	}
	return "anonymous"
}

// observed is the ledger with the metrics and the recorder of plugins' calls looking on.
type observed struct {
	pipeline.Ledger
	telemetry *telemetry.Metrics
	recorder  *atomic.Pointer[recorder]
	decisions *policy.DecisionLog // nil where none is kept
}

func (g *gateway) observed() observed {
	return observed{g.ledger, g.telemetry, &g.recorder, g.decisions}
}

func (o observed) Write(ctx context.Context, r *llm.Record) error {
	o.telemetry.Observe(r)
	if calls := o.recorder.Load(); calls != nil {
		calls.Finish(r.ID)
	}
	r = r.Kept()
	if o.decisions != nil && r.Decision != nil {
		o.decisions.Settled(r)
	}
	if r.Route == "" {
		return nil // it is counted; anybody could fill the ledger with names that nobody serves
	}
	err := o.Ledger.Write(ctx, r)
	if err != nil && llm.AsError(err).Code == llm.CodeUnavailable {
		return nil // the maintenance reports it, once for all requests
	}
	return err
}
