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

// Router asks a module to rank candidates. Faults count towards its module's breaker. It
// is safe for concurrent use.
type Router struct {
	module  *Module
	now     func() time.Time
	scratch sync.Pool
}

// NewRouter makes a router of a module that exports penstock_route_flat or
// penstock_route; the flat hook is used where both are there. Now is the clock, nil
// for time.Now. The router does not own the module.
func NewRouter(m *Module, now func() time.Time) (*Router, error) {
	if !m.Exports(hook.RouteFlat) && !m.Exports(hook.Route) {
		return nil, fmt.Errorf("module %s is not a router: it exports neither %s nor %s", m.name, hook.RouteFlat, hook.Route)
	}
	if now == nil {
		now = time.Now
	}
	r := &Router{module: m, now: now}
	r.scratch.New = func() any { return new(scratch) }
	return r, nil
}

// scratch is what one ranking needs and the next can use again.
type scratch struct {
	in, out []byte
	ballot  hook.RankingBuilder
}

// Ranker is a Router made ready for one route: what depends on the route alone is
// worked out once. It is safe for concurrent use.
type Ranker struct {
	router *Router
	name   string
	// part is the route's part of the input, in the form of the hook.
	part []byte
	flat bool
}

// Prepare returns the ranker of one route. Strategy is what the module is asked for
// when it holds several, and the name in Ranking.Router; with is the route's
// settings, a JSON object or nil.
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

// Check asks the module whether it accepts the route's strategy and settings, by a call
// without candidates. The error is the module's *Rejection; a module that does not look
// at its settings then has none.
func (k *Ranker) Check(ctx context.Context) error {
	_, _, err := k.ask(ctx, new(scratch), new(llm.Request), nil, k.router.now())
	var r *hook.Rejection
	if errors.As(err, &r) {
		return r
	}
	return nil
}

// Rank orders the candidates, best first. It never fails: when the module has no
// opinion, faults, says nonsense or is disabled, the configured order stands and
// Ranking.Fault says why (a module without an opinion is no fault). The order is not
// empty unless there are no candidates.
func (k *Ranker) Rank(ctx context.Context, req *llm.Request, c []llm.Candidate) llm.Ranking {
	r, now := k.router, k.router.now()
	ranking := llm.Ranking{Router: k.name}
	if len(c) == 0 {
		return ranking
	}
	if ranking.Fault = r.module.breaker.blocked(now); ranking.Fault != "" {
		ranking.Order = hook.Configured(c)
		return ranking
	}
	ranking.Seed = hook.SeedOf(req.ID)
	s := r.scratch.Get().(*scratch)
	defer r.scratch.Put(s)
	fuel, opinion, err := k.ask(ctx, s, req, c, now)
	ranking.Fuel = fuel
	if err != nil {
		r.note(err, now)
		ranking.Order, ranking.Fault = hook.Configured(c), hook.Brief(err.Error())
		return ranking
	}
	r.module.breaker.good()
	if !opinion {
		ranking.Order = hook.Configured(c)
		return ranking
	}
	built := s.ballot.Ranking()
	ranking.Order, ranking.Scores, ranking.Reason = built.Order, built.Scores, built.Reason
	return ranking
}

// ask calls the module and reads its answer into the scratch's ballot.
func (k *Ranker) ask(ctx context.Context, s *scratch, req *llm.Request, c []llm.Candidate, now time.Time) (fuel int64, opinion bool, err error) {
	m, seed := k.router.module, hook.SeedOf(req.ID)
	if k.flat {
		s.in = hook.AppendFlat(s.in[:0], req, c, k.part, seed, now)
		s.out, fuel, err = m.Call(ctx, hook.RouteFlat, seed, s.in, s.out[:0])
	} else {
		s.in = hook.AppendEnvelope(s.in[:0], req, c, k.part, m.grants.Has(hook.GrantMessages), now)
		s.out, fuel, err = m.Call(ctx, hook.Route, seed, s.in, s.out[:0])
	}
	if err != nil || len(s.out) == 0 {
		return fuel, false, err
	}
	s.ballot.Reset(len(c))
	read := hook.ReadRanking
	if k.flat {
		read = hook.ReadFlat
	}
	err = read(&s.ballot, s.out)
	if err == nil {
		err = s.ballot.Finish(c, now)
	}
	if err != nil {
		return fuel, false, k.nonsense(err)
	}
	return fuel, true, nil
}

func (k *Ranker) nonsense(err error) *hook.Fault {
	h := hook.Route
	if k.flat {
		h = hook.RouteFlat
	}
	return k.router.module.nonsense(h, err)
}

// note counts a fault towards the breaker. A rejection, a caller who went away and a
// module that is being replaced are none.
func (r *Router) note(err error, now time.Time) {
	var f *hook.Fault
	if errors.As(err, &f) {
		r.module.breaker.fault(now, f.Detail)
	}
}
