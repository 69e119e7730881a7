package strategies

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
	var nearest *candidate
	most := 0.0
	for i := range r.candidates {
		c := &r.candidates[i]
		ratio := c.left() / scarce
		chance := 1.0
		if ratio < 1 {
			chance = ratio / uniform(randomOf(c.random, decisionToSpare))
		}
		c.spared = chance < 1
		if c.standing > 0 {
			continue
		}
		if !c.spared {
			chance = 1
		}
		if chance > most {
			nearest, most = c, chance
		}
	}
	if nearest != nil {
		nearest.spared = false
	}
}

// left is the share that is left of the provider's limit that is nearest to its end; 1 when
// nothing is known.
func (c *candidate) left() float64 {
	left := 1.0
	for _, share := range [...]float64{c.figures.RequestsLeft, c.figures.TokensLeft} {
		if share >= 0 {
			left = min(left, share)
		}
	}
	return left
}
