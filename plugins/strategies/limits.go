package strategies

import (
	"math"

	penstock "github.com/penstock/penstock/sdk/go"
)

// scarce is the share of a provider's limit below which a target is spared by a part of the
// requests, which grows as less is left.
const scarce = 0.25

// decisionToSpare is the number of the random decision whether a request spares a target.
const decisionToSpare = 1 << 20

// spare decides which targets the request leaves alone so that their providers' limits last. A
// target of whose limits half of scarce is left is spared by half of the requests, and by more
// when there is less: what it gets approaches what its limits give back. A session's requests
// all decide alike, so few sessions move. When all would be spared, the one that is nearest to
// not being spared is not.
func (r *ranker) spare() {
	if r.scarce == 0 {
		return
	}
	var nearest *candidate
	most := 0.0
	for i := range r.candidates {
		c := &r.candidates[i]
		chance := 1.0
		if ratio := c.left / scarce; ratio < 1 {
			chance = min(ratio/uniform(randomOf(c.random, decisionToSpare)), 1)
		}
		c.spared = chance < 1
		if c.standing == 0 && chance > most {
			nearest, most = c, chance
		}
	}
	if nearest != nil {
		nearest.spared = false
	}
}

// leftOf is the share that is left of the provider's limit that is nearest to its end; 1 when
// nothing is known.
func leftOf(f *penstock.Figures) float64 {
	// The bits of positive numbers are in their order, and those of negative ones are higher. -0,
	// of which a record keeps 0, becomes that.
	return math.Float64frombits(min(math.Float64bits(1), math.Float64bits(f.RequestsLeft+0), math.Float64bits(f.TokensLeft+0)))
}
