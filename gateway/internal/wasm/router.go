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

// Router has a module rank candidates. Faults count towards the module's breaker. It is safe
// for concurrent use and does not own its module.
type Router struct {
	module  *Module
	now     func() time.Time
	buffers sync.Pool
}

// NewRouter returns the router of a module, which must export penstock_route_flat or
// penstock_route; the flat hook is used if both are there. Now is the clock, nil for
// time.Now.
func NewRouter(m *Module, now func() time.Time) (*Router, error) {
	if !m.Exports(hook.RouteFlat) && !m.Exports(hook.Route) {
		return nil, fmt.Errorf("module %s is not a router: it exports neither %s nor %s", m.name, hook.RouteFlat, hook.Route)
	}
	if now == nil {
		now = time.Now
	}
	r := &Router{module: m, now: now}
	r.buffers.New = func() any { return new(rankBuffers) }
	return r, nil
}

// rankBuffers are what one ranking needs and the next reuses.
type rankBuffers struct {
	in, out []byte
	ranking hook.RankingBuilder
}

// Ranker is a Router for one route, with the inputs that depend on the route alone. It is
// safe for concurrent use.
type Ranker struct {
	router *Router
	name   string
	// part is the route's part of the input, in the form of the hook.
	part []byte
	flat bool
}

// Prepare returns the ranker of one route. Strategy names one of the module's strategies and
// is the name in Ranking.Router; with is the route's settings, a JSON object or nil.
func (r *Router) Prepare(strategy string, with json.RawMessage) (*Ranker, error) {
	k := &Ranker{router: r, name: strategy, flat: r.module.Exports(hook.RouteFlat)}
	text, err := hook.FlatText(strategy, with)
	if err != nil {
		return nil, fmt.Errorf("router %s: %w", strategy, err)
	}
	if k.flat {
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
	r, now := k.router, k.router.now()
	ranking := llm.Ranking{Router: k.name}
	if len(c) == 0 {
		return ranking
	}
	if ranking.Fault = r.module.breaker.blocked(now); ranking.Fault != "" {
		ranking.Order = hook.ConfiguredOrder(c)
		return ranking
	}
	ranking.Seed = hook.SeedOf(req.ID)
	s := r.buffers.Get().(*rankBuffers)
	defer r.buffers.Put(s)
	fuel, opinion, err := k.call(ctx, s, req, c, now)
	ranking.Fuel = fuel
	if err != nil {
		r.countFault(err, now)
		ranking.Order, ranking.Fault = hook.ConfiguredOrder(c), hook.Brief(err.Error())
		return ranking
	}
	r.module.breaker.succeeded()
	if !opinion {
		ranking.Order = hook.ConfiguredOrder(c)
		return ranking
	}
	built := s.ranking.Ranking()
	ranking.Order, ranking.Scores, ranking.Reason = built.Order, built.Scores, built.Reason
	return ranking
}

// call calls the module and reads its result into the buffers' ranking.
func (k *Ranker) call(ctx context.Context, s *rankBuffers, req *llm.Request, c []llm.Candidate, now time.Time) (fuel int64, opinion bool, err error) {
	m, seed := k.router.module, hook.SeedOf(req.ID)
	if k.flat {
		s.in = hook.AppendFlat(s.in[:0], req, c, k.part, seed, now)
		s.out, fuel, err = m.Call(ctx, hook.RouteFlat, seed, s.in, s.out[:0])
	} else {
		s.in = hook.AppendRouteEnvelope(s.in[:0], req, c, k.part, m.grants.Has(hook.GrantMessages), now)
		s.out, fuel, err = m.Call(ctx, hook.Route, seed, s.in, s.out[:0])
	}
	if err != nil || len(s.out) == 0 {
		return fuel, false, err
	}
	s.ranking.Reset(len(c))
	read := hook.ReadRanking
	if k.flat {
		read = hook.ReadFlat
	}
	err = read(&s.ranking, s.out)
	if err == nil {
		err = s.ranking.Finish(c, now)
	}
	if err != nil {
		return fuel, false, k.invalidResult(err)
	}
	return fuel, true, nil
}

func (k *Ranker) invalidResult(err error) *hook.Fault {
	h := hook.Route
	if k.flat {
		h = hook.RouteFlat
	}
	return k.router.module.invalidResult(h, err)
}

// countFault counts a fault towards the breaker; a rejection, a caller who hung up and a
// module that is being replaced are not faults.
func (r *Router) countFault(err error, now time.Time) {
	var f *hook.Fault
	if errors.As(err, &f) {
		r.module.breaker.failed(now, f.Detail)
	}
}
