package cache

import (
	"crypto/sha256"
	"math"
	"sync"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// elements are a request for embeddings by its elements, whose vectors are stored one by one,
// so that a batch reuses those of others. A vector is stored under the target that gave it,
// since vectors of different models have nothing to do with each other.
type elements struct {
	llm.Batch
	// keys are those of the different elements, first is where each comes first in the
	// request, and which is, for each element of the request, its index in these.
	keys         []Key
	first, which []int
	// targets are the ids of the route's, facts the request's.
	targets []string
	facts   *llm.Facts
	// epoch is the number of purges when the reply began.
	epoch uint64

	// Attempts for several targets may use what follows at the same time.
	mu sync.Mutex
	// stored holds what was found, by the target's id. Nil stands for a target that is to be
	// asked for everything.
	stored map[string]*vectors
}

// elementPlace is what an element is to the key: all of it counts.
var elementPlace = &place{name: "element", open: true}

// elementsOf takes a request apart; nil if its reply is stored as a whole. On routes with
// transforms it is, since they may treat a batch in another way than its elements.
func (c *Cache) elementsOf(req *llm.Request, route *llm.Route, d *llm.Decision) *elements {
	if req.Batch == nil || len(route.Transforms) > 0 {
		return nil
	}
	batch := req.Batch()
	if batch == nil {
		return nil
	}
	e := &elements{Batch: batch, facts: &req.Facts, stored: map[string]*vectors{}}
	for _, t := range route.All() {
		e.targets = append(e.targets, t.ID)
	}
	w := c.scratch.Get().(*canon)
	defer c.release(w)
	w.out = w.out[:0]
	w.scope(req, route, d)
	w.request(batch.Common(), otherForm)
	e.addKeys(w, sha256.Sum256(w.out))
	return e
}

// addKeys makes the keys of the elements, each of which has the common part's.
func (e *elements) addKeys(w *canon, common Key) {
	seen := map[Key]int{}
	for i, one := range e.Elements() {
		w.out = append(w.out[:0], common[:]...)
		w.request(one, elementPlace)
		k := Key(sha256.Sum256(w.out))
		at, ok := seen[k]
		if !ok {
			at = len(e.keys)
			seen[k] = at
			e.keys, e.first = append(e.keys, k), append(e.first, i)
		}
		e.which = append(e.which, at)
	}
}

// vectorKey is the key of an element's vector of a target.
func vectorKey(element Key, target string) Key {
	return sha256.Sum256(append(element[:], target...))
}

// of returns the stored vectors of a target; whole says that it is to be asked for everything.
func (e *elements) of(target string) (v *vectors, whole bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.stored[target]
	if v == nil {
		v = &vectors{entries: make([]*Entry, len(e.keys))}
		whole = ok
	}
	return v, whole
}

// keep notes what is stored of a target.
func (e *elements) keep(target string, v *vectors) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stored[target] = v
}

// missing are the different elements of which nothing is stored, and where they come first in
// the request.
func (e *elements) missing(v *vectors) (which, places []int) {
	for i, found := range v.entries {
		if found == nil {
			which, places = append(which, i), append(places, e.first[i])
		}
	}
	return which, places
}

// listed are the vectors of the different elements in the order of the request.
func (e *elements) listed(different [][]byte) [][]byte {
	all := make([][]byte, len(e.which))
	for i, at := range e.which {
		all[i] = different[at]
	}
	return all
}

// shares divides the tokens of a reply among the different elements that were asked for, by
// their lengths.
func (e *elements) shares(asked []int, tokens int64) []int64 {
	all := e.Elements()
	var total, sum, given int64
	for _, i := range asked {
		total += int64(len(all[e.first[i]]))
	}
	out := make([]int64, len(asked))
	for n, i := range asked {
		sum += int64(len(all[e.first[i]]))
		upTo := int64(math.Round(float64(tokens) * float64(sum) / float64(max(total, 1))))
		out[n], given = upTo-given, upTo
	}
	return out
}
