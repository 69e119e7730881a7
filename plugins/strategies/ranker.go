package main

import (
	"cmp"
	"slices"

	penstock "github.com/penstock/penstock/sdk/go"
)

// candidate is a target with what its strategy made of it.
type candidate struct {
	penstock.Target
	// class sorts before score: a lower class always ranks first.
	class int64
	// score sorts within a class, higher first.
	score float64
}

// ranker ranks the targets of one request at a time. Its fields are reused, so that
// a call allocates nothing once it has seen the largest route.
type ranker struct {
	settings   settings
	candidates []candidate
	places     []place
}

// rank is the hook: it reads a flat route and appends the ranking to out. Without
// targets it only checks the strategy's name and settings.
func (r *ranker) rank(out, in []byte) ([]byte, error) {
	route, ok := penstock.ReadRoute(in)
	if !ok {
		return nil, penstock.Reject(500, "the flat route is malformed")
	}
	strategy, err := r.settings.read(&route)
	if err != nil {
		return nil, err
	}
	r.load(&route)
	strategy(r.candidates, &r.settings)
	r.sort()
	for _, p := range r.places {
		out = penstock.AppendRank(out, p.index, 0, p.score)
	}
	return out, nil
}

func (r *ranker) load(route *penstock.Route) {
	r.candidates = slices.Grow(r.candidates[:0], route.Len)[:route.Len]
	for k := range r.candidates {
		r.candidates[k] = candidate{Target: route.Target(k)}
	}
}

// place is what sorting needs of a candidate; sorting these moves fewer bytes.
type place struct {
	class int64
	score float64
	index uint32
}

// sort puts the best first: ordinary targets before fallbacks, healthy before
// unhealthy, then by class and score. Equals keep their configured order.
func (r *ranker) sort() {
	r.places = r.places[:0]
	for i := range r.candidates {
		c := &r.candidates[i]
		r.places = append(r.places, place{class: c.standing()<<40 + c.class, score: c.score, index: c.Index})
	}
	slices.SortStableFunc(r.places, better)
}

func better(a, b place) int {
	switch {
	case a.class != b.class:
		return cmp.Compare(a.class, b.class)
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	}
	return 0
}

// standing is 0 for an ordinary healthy target and rises with what speaks against
// trying it early.
func (c *candidate) standing() int64 {
	standing := int64(0)
	if c.Flags&penstock.TargetFallback != 0 {
		standing = 2
	}
	if c.Flags&penstock.TargetHealthy == 0 {
		standing++
	}
	return standing
}
