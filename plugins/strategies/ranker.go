package strategies

import (
	"slices"

	"github.com/penstock/penstock/plugins/strategies/classify"
	penstock "github.com/penstock/penstock/sdk/go"
)

// candidate is a target with the rank that the strategy gives it.
type candidate struct {
	*penstock.Target
	figures  *penstock.Figures
	position int // in the route
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
	route      penstock.Route
	settings   settings
	parsed     []byte // the text that settings was parsed from
	candidates []candidate
	order      []int32  // the ranking, as positions among the candidates
	keys       []uint64 // of sorting
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
	// mixed is made of all candidates' random bits, for decisions that concern no single one.
	mixed uint64
}

// rank is the hook: it reads a flat route and appends the ranking to out. Without
// targets it only checks the strategy's name and settings.
func (r *ranker) rank(out, in []byte) ([]byte, error) {
	var ok bool
	if r.route, ok = penstock.ReadRoute(in); !ok {
		return nil, penstock.Reject(500, "the flat route is malformed")
	}
	if err := r.readSettings(&r.route); err != nil {
		return nil, err
	}
	r.text, r.label, r.reason = r.route.LastUserText(), r.route.Class(), r.reason[:0]
	r.load()
	r.settings.strategy.rank(r)
	r.sort()
	r.keepSession()
	for _, i := range r.order {
		c := &r.candidates[i]
		out = penstock.AppendRank(out, c.Index, 0, orLast(c.score))
	}
	out = r.appendTerms(out)
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

func (r *ranker) load() {
	route, seed, sticky := &r.route, r.settings.number(), r.settings.sticky
	scarceTargets, cached, mixed := 0, 0, uint64(0)
	r.candidates = slices.Grow(r.candidates[:0], route.Len)[:route.Len]
	for k := range r.candidates {
		c := &r.candidates[k]
		c.Target, c.figures, c.position = route.Target(k), route.Figures(k), k
		c.place, c.score, c.tie, c.given = ordinary, 0, 0, 0
		if c.random = c.figures.Sticky; c.random == 0 || !sticky {
			c.random = randomOf(seed, c.Index)
		}
		mixed ^= c.random
		c.standing = c.standingFor(route.EstInput)
		c.level, c.stronger = int64(c.Order), false
		c.left, c.spared = leftOf(c.figures), false
		if c.left < scarce {
			scarceTargets++
		}
		if c.CachedPrefix > 0 {
			cached++
		}
	}
	r.scarce, r.cached, r.mixed = scarceTargets, cached, mixed
	r.spare()
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
func (c *candidate) standingFor(input uint32) int64 {
	standing := int64(c.Flags & penstock.TargetFallback / (penstock.TargetFallback / 2)) // 2 or 0
	if c.Flags&penstock.TargetHealthy == 0 || c.RemainingRequests == 0 || c.RemainingTokens < input {
		standing++
	}
	return standing
}
