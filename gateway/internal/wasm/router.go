package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Router has a module rank candidates, with the hook that its manifest declares. Faults count
// towards the module's breaker. It is safe for concurrent use and does not own its module.
type Router struct {
	module  *Module
	hook    hook.Hook
	reads   hook.Reads
	now     func() time.Time
	buffers sync.Pool
}

// NewRouter returns the router of a module, which must export penstock_route_flat or
// penstock_route. If both are there and the manifest declares none, the flat hook is used.
// Now is the clock, nil for time.Now.
func NewRouter(m *Module, now func() time.Time) (*Router, error) {
	if !m.Exports(hook.RouteFlat) && !m.Exports(hook.Route) {
		return nil, fmt.Errorf("module %s is not a router: it exports neither %s nor %s", m.name, hook.RouteFlat, hook.Route)
	}
	if now == nil {
		now = time.Now
	}
	r := &Router{module: m, hook: m.routeHook(), now: now}
	r.reads = m.manifest.routeReads(r.hook, m.grants)
	r.buffers.New = func() any { return new(rankBuffers) }
	return r, nil
}

// WithReads returns a router of the same module that gets these texts of a request, as far as
// the module's grants allow. It is for the gateway's own module, which has no manifest: its
// strategies differ in what they read.
func (r *Router) WithReads(reads hook.Reads) *Router {
	if !r.module.grants.Has(hook.GrantMessages) {
		reads &^= hook.ReadLastUser | hook.ReadMessages
	}
	with := &Router{module: r.module, hook: r.hook, reads: reads, now: r.now}
	with.buffers.New = r.buffers.New
	return with
}

func (m *Module) routeHook() hook.Hook {
	if h, ok := m.manifest.routeHook(); ok {
		return h
	}
	if m.Exports(hook.RouteFlat) {
		return hook.RouteFlat
	}
	return hook.Route
}

// routeReads returns the texts of a request that the module gets. One that declares none
// gets those of version 1.0: in the flat form none, in the JSON form the messages if they
// are granted.
func (m *Manifest) routeReads(h hook.Hook, grants hook.Grants) hook.Reads {
	reads, _ := hook.ParseReads(m.Reads) // checked when the manifest was read
	if m.Reads == nil && h == hook.Route {
		reads = hook.ReadMessages
	}
	if !grants.Has(hook.GrantMessages) {
		reads &^= hook.ReadLastUser | hook.ReadMessages
	}
	return reads
}

// rankBuffers are what one ranking needs and the next reuses.
type rankBuffers struct {
	in, out, lastUser []byte
	ranking           hook.RankingBuilder
}

// Ranker is a Router for one route, with the inputs that depend on the route alone. It is
// safe for concurrent use.
type Ranker struct {
	router *Router
	name   string
	// part is the route's part of the input, in the form of the hook.
	part []byte
}

// Prepare returns the ranker of one route. Strategy names one of the module's strategies and
// is the name in Ranking.Router; with is the route's settings, a JSON object or nil.
func (r *Router) Prepare(strategy string, with json.RawMessage) (*Ranker, error) {
	k := &Ranker{router: r, name: strategy}
	text, err := hook.FlatText(strategy, with)
	if err != nil {
		return nil, fmt.Errorf("router %s: %w", strategy, err)
	}
	if r.hook == hook.RouteFlat {
		k.part = text
		return k, nil
	}
	k.part = hook.AppendRoutePart(nil, strategy, with)
	return k, nil
}

// Check calls the module without candidates, for it to check the route's strategy and
// settings. The error is the module's *hook.Rejection.
func (k *Ranker) Check(ctx context.Context) error {
	_, _, err := k.call(ctx, new(rankBuffers), new(llm.Request), nil, k.router.now())
	var r *hook.Rejection
	if errors.As(err, &r) {
		return r
	}
	return nil
}

// Rank orders the candidates, best first. It never fails: when the module faults, returns an
// invalid result or is disabled, the order is the configured one and Ranking.Fault says why.
// When it has no opinion, the order is the configured one, too. The order is not empty unless
// there are no candidates.
func (k *Ranker) Rank(ctx context.Context, req *llm.Request, c []llm.Candidate) llm.Ranking {
	// Only the wall clock counts, as in a record.
	r, now := k.router, k.router.now().Round(0)
	ranking := llm.Ranking{Router: k.name, Input: inputOf(req, now)}
	if len(c) == 0 {
		return ranking
	}
	if ranking.Fault = r.module.breaker.blocked(now); ranking.Fault != "" {
		ranking.Order = hook.ConfiguredOrder(c)
		return ranking
	}
	fresh, err := k.rank(ctx, req, c, now)
	fresh.Input = ranking.Input
	if err != nil {
		r.countFault(err, now)
		return fresh
	}
	r.module.breaker.succeeded()
	return fresh
}

// rank asks the module, whatever its breaker says. The ranking is complete also with an error.
func (k *Ranker) rank(ctx context.Context, req *llm.Request, c []llm.Candidate, now time.Time) (llm.Ranking, error) {
	ranking := llm.Ranking{Router: k.name, Seed: hook.SeedOf(req.ID)}
	s := k.router.buffers.Get().(*rankBuffers)
	defer k.router.buffers.Put(s)
	fuel, opinion, err := k.call(ctx, s, req, c, now)
	ranking.Fuel = fuel
	if err != nil {
		ranking.Order, ranking.Fault = hook.ConfiguredOrder(c), hook.Brief(err.Error())
		return ranking, err
	}
	if !opinion {
		ranking.Order = hook.ConfiguredOrder(c)
		return ranking, nil
	}
	built := s.ranking.Ranking()
	ranking.Order, ranking.Scores, ranking.Terms, ranking.Reason = built.Order, built.Scores, built.Terms, built.Reason
	return ranking, nil
}

// call calls the module and reads its result into the buffers' ranking.
func (k *Ranker) call(ctx context.Context, s *rankBuffers, req *llm.Request, c []llm.Candidate, now time.Time) (fuel int64, opinion bool, err error) {
	r := k.router
	in := hook.RouteInput{Request: req, Candidates: c, Part: k.part, Seed: hook.SeedOf(req.ID), Now: now, Reads: r.reads}
	if r.reads.Has(hook.ReadLastUser) {
		s.lastUser = AppendLastUser(ctx, s.lastUser[:0], req)
		in.LastUser = s.lastUser
	}
	read := hook.ReadRanking
	if r.hook == hook.RouteFlat {
		s.in, read = hook.AppendFlat(s.in[:0], &in), hook.ReadFlat
	} else {
		s.in = hook.AppendRouteEnvelope(s.in[:0], &in)
	}
	s.out, fuel, err = r.module.Call(ctx, r.hook, in.Seed, s.in, s.out[:0])
	if err != nil || len(s.out) == 0 {
		return fuel, false, err
	}
	s.ranking.Reset(len(c))
	err = read(&s.ranking, s.out)
	if err == nil {
		err = s.ranking.Finish(c, now)
	}
	if err != nil {
		return fuel, false, r.module.invalidResult(r.hook, err)
	}
	return fuel, true, nil
}

// AppendLastUser appends the request's last user text. It puts a request into the canonical
// form only if it has none in its own; one that can't be has none.
func AppendLastUser(ctx context.Context, dst []byte, req *llm.Request) []byte {
	dst = hook.AppendLastUser(dst, req.Body)
	if len(dst) > 0 || req.Canonical == nil {
		return dst
	}
	canonical, err := req.Canonical(ctx)
	if err != nil {
		return dst
	}
	return hook.AppendLastUser(dst, canonical.Body)
}

// countFault counts a fault towards the breaker; a rejection, a caller who hung up and a
// module that is being replaced are not faults.
func (r *Router) countFault(err error, now time.Time) {
	var f *hook.Fault
	if errors.As(err, &f) {
		r.module.breaker.failed(now, f.Detail)
	}
}
