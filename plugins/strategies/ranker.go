package strategies

import (
	"slices"

	penstock "github.com/penstock/penstock/sdk/go"
)

// candidate is a target with the rank that the strategy gives it.
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
	entries    []entry
}

// rank is the hook: it reads a flat route and appends the ranking to out. Without
// targets it only checks the strategy's name and settings.
func (r *ranker) rank(out, in []byte) ([]byte, error) {
	route, ok := penstock.ReadRoute(in)
	if !ok {
		return nil, penstock.Reject(500, "the flat route is malformed")
	}
	if err := r.readSettings(&route); err != nil {
		return nil, err
	}
	r.load(&route)
	r.settings.strategy.rank(r.candidates, &r.settings)
	r.sort()
	for i := range r.entries {
		out = penstock.AppendRank(out, r.entries[i].index, 0, r.entries[i].score)
	}
	return out, nil
}

func (r *ranker) load(route *penstock.Route) {
	r.candidates = slices.Grow(r.candidates[:0], route.Len)[:route.Len]
	for k := range r.candidates {
		r.candidates[k] = candidate{Target: route.Target(k)}
	}
}

// entry is what sorting needs of a candidate; sorting these moves fewer bytes.
type entry struct {
	class int64
	score float64
	index uint32
}

// insertionMax is how many targets are sorted by insertion. Beyond it, calling a comparison
// function is faster.
const insertionMax = 32

// sort puts the best first: ordinary targets before fallbacks, healthy before
// unhealthy, then by class and score. Equals keep their configured order.
func (r *ranker) sort() {
	n := len(r.candidates)
	r.entries = slices.Grow(r.entries[:0], n)[:n]
	for i := range r.candidates {
		c := &r.candidates[i]
		e := entry{class: c.standing()<<40 + c.class, score: c.score, index: c.Index}
		k := i
		for ; k > 0 && n <= insertionMax && e.before(&r.entries[k-1]); k-- {
			r.entries[k] = r.entries[k-1]
		}
		r.entries[k] = e
	}
	if n > insertionMax {
		slices.SortStableFunc(r.entries, better)
	}
}

func (e *entry) before(other *entry) bool {
	return e.class < other.class || e.class == other.class && e.score > other.score
}

func better(a, b entry) int {
	switch {
	case a.before(&b):
		return -1
	case b.before(&a):
		return 1
	}
	return 0
}

// standing is 0 for an ordinary healthy target, and more for one that is to be tried later.
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
