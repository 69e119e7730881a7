package strategies

import (
	"math"
	"slices"

	"github.com/penstock/penstock/plugins/strategies/classify"
	penstock "github.com/penstock/penstock/sdk/go"
)

// candidate is a target with the rank that the strategy gives it.
type candidate struct {
	*penstock.Target
	figures *penstock.Figures
	// maxInflight is how many requests the target takes at once, 0 for any number. meanOutput
	// is how many output tokens the route's answers have there, 0 when unknown.
	maxInflight, meanOutput uint32
	// left is the share that is left of the provider's limits, spared says that the request is to
	// leave it to others.
	left   float64
	spared bool
	// place sorts within a tier, score within a place, higher first, and tie among equals,
	// higher first.
	place      place
	score, tie float64
	standing   int64
	// level sorts tiers, lowest first: the configured order, unless a strategy has its own.
	level int64
	// stronger says that the target's tier is above the one that the request is for. A session
	// may stay there.
	stronger bool
	// random is this candidate's own: the same for all requests of a session, else for all
	// tries of one request.
	random uint64
	// terms explain the score, by number; those whose bit is not in given are not set.
	terms [terms]float64
	given uint32
}

// place is where a candidate stands among those of its tier.
type place int64

const (
	kept     place = iota // the session's target
	chosen                // picked by chance
	ordinary              // the place of all that the strategy does not set apart
	second
	third
	belowFloor // worse than asked; behind all tiers

	places = 8
)

// ranker ranks the targets of one request at a time. Its fields are reused, so that
// a call allocates nothing once it has seen the largest route.
type ranker struct {
	settings   settings
	parsed     []byte // the text that settings was parsed from
	candidates []candidate
	entries    []entry
	figures    []float64
	first      int64 // the tier that strategies draw from
	// text is the request's last text of the user, features is what the classifier knows of it.
	text     []byte
	features classify.Features
	// label is what an endpoint says that the request is; empty without one.
	label []byte
	// own is the operator's model for the classifier, nil for the built-in one.
	own *classify.Model
	// reason says why the targets are ranked so; empty where their terms say all.
	reason []byte
	// scarce counts the targets with little left of their providers' limits, cached those that
	// have a part of the prompt cached.
	scarce, cached int
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
	r.text, r.label, r.reason = route.LastUserText(), route.Class(), r.reason[:0]
	r.load(&route)
	r.settings.strategy.rank(r)
	r.keepSession()
	r.sort()
	for i := range r.entries {
		out = penstock.AppendRank(out, r.candidates[r.entries[i].position].Index, 0, r.entries[i].score)
	}
	for i := range r.candidates {
		out = r.candidates[i].appendTerms(out)
	}
	if len(r.reason) > 0 && len(r.candidates) > 0 {
		out = appendReason(out, r.reason)
	}
	return out, nil
}

// appendReason ends an answer with why it is so. An entry with the text's length comes before
// the text, which fills whole entries.
func appendReason(out, reason []byte) []byte {
	const isReason, entry = 4, 16
	out = append(penstock.AppendRank(out, uint32(len(reason)), isReason, 0), reason...)
	return append(out, make([]byte, (entry-len(reason)%entry)%entry)...)
}

func (r *ranker) load(route *penstock.Route) {
	seed := r.settings.number()
	r.scarce, r.cached = 0, 0
	r.candidates = slices.Grow(r.candidates[:0], route.Len)[:route.Len]
	for k := range r.candidates {
		c := &r.candidates[k]
		c.Target, c.figures, c.maxInflight, c.meanOutput = route.Target(k), route.Figures(k), route.MaxInflight(k), route.ExpectedOutput(k)
		c.place, c.score, c.tie, c.given = ordinary, 0, 0, 0
		if c.random = c.figures.Sticky; c.random == 0 || !r.settings.sticky {
			c.random = randomOf(seed, c.Index)
		}
		c.standing = c.standingFor(r.settings.estInput)
		c.level, c.stronger = int64(c.Order), false
		c.left, c.spared = leftOf(c.figures), false
		if c.left < scarce {
			r.scarce++
		}
		if c.CachedPrefix > 0 {
			r.cached++
		}
	}
	r.spare()
}

// entry is what sorting needs of a candidate; sorting these moves fewer bytes.
type entry struct {
	class      int64
	score, tie float64
	position   int // among the candidates
}

func (c *candidate) entry(position int) entry {
	return entry{class: c.tier()*places + int64(c.place), score: orLast(c.score), tie: orLast(c.tie), position: position}
}

// orLast is the lowest figure for one that is not a number, which could not be sorted by.
func orLast(x float64) float64 {
	if x != x {
		return -math.MaxFloat64
	}
	return x
}

// sort puts the best first: ordinary targets before fallbacks, usable before unusable, then
// by tier, place, score and tie. Equals keep their configured order. Each is inserted at the
// place that halving finds: moving entries is cheap, calling comparisons is not.
func (r *ranker) sort() {
	n := len(r.candidates)
	r.entries = slices.Grow(r.entries[:0], n)[:n]
	for i := range r.candidates {
		e := r.candidates[i].entry(i)
		low, high := 0, i
		for low < high {
			if middle := (low + high) / 2; e.before(&r.entries[middle]) {
				high = middle
			} else {
				low = middle + 1
			}
		}
		copy(r.entries[low+1:i+1], r.entries[low:i])
		r.entries[low] = e
	}
}

func (e *entry) before(other *entry) bool {
	if e.class != other.class {
		return e.class < other.class
	}
	if e.score != other.score {
		return e.score > other.score
	}
	return e.tie > other.tie || e.tie == other.tie && e.position < other.position
}

// tier is what sorts before everything else: the standing, whether the target is as good as
// asked, whether it is spared, then the level.
func (c *candidate) tier() int64 {
	tier := c.standing<<36 + c.level
	if c.spared {
		tier += 1 << 34 // more than any level
	}
	if c.place == belowFloor {
		tier += 1 << 35
	}
	return tier
}

// standingFor is 0 for an ordinary target that can take a prompt of so many tokens now, and
// more for one that is to be tried later.
func (c *candidate) standingFor(input float64) int64 {
	standing := int64(0)
	if c.Flags&penstock.TargetFallback != 0 {
		standing = 2
	}
	if c.Flags&penstock.TargetHealthy == 0 || c.RemainingRequests == 0 || float64(c.RemainingTokens) < input {
		standing++
	}
	return standing
}
