package strategies

import (
	"slices"

	penstock "github.com/penstock/penstock/sdk/go"
)

// candidate is a target with what its strategy made of it.
type candidate struct {
	*penstock.Target
	// class sorts before score: a lower class always ranks first.
	class int64
	// score sorts within a class, higher first.
	score float64
	// cost and latency are for the balanced strategy, NaN when unknown.
	cost, latency float64
}

// ranker ranks the targets of one request at a time. Its fields are reused, so that
// a call allocates nothing once it has seen the largest route.
type ranker struct {
	settings   settings
	parsed     []byte // the text that settings was parsed from
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
	if err := r.settle(&route); err != nil {
		return nil, err
	}
	r.load(&route)
	r.settings.strategy(r.candidates, &r.settings)
	r.sort()
	for i := range r.places {
		out = penstock.AppendRank(out, r.places[i].index, 0, r.places[i].score)
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

// insertionMax is how many targets are sorted by insertion, which is faster than
// calling through a comparison function until the square of the number counts.
const insertionMax = 32

// sort puts the best first: ordinary targets before fallbacks, healthy before
// unhealthy, then by class and score. Equals keep their configured order.
func (r *ranker) sort() {
	n := len(r.candidates)
	r.places = slices.Grow(r.places[:0], n)[:n]
	for i := range r.candidates {
		c := &r.candidates[i]
		p := place{class: c.standing()<<40 + c.class, score: c.score, index: c.Index}
		k := i
		for ; k > 0 && n <= insertionMax && p.before(&r.places[k-1]); k-- {
			r.places[k] = r.places[k-1]
		}
		r.places[k] = p
	}
	if n > insertionMax {
		slices.SortStableFunc(r.places, better)
	}
}

func (p *place) before(q *place) bool {
	return p.class < q.class || p.class == q.class && p.score > q.score
}

func better(a, b place) int {
	switch {
	case a.before(&b):
		return -1
	case b.before(&a):
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
