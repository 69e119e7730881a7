package strategies

// unprovenScore is the score of a target whose quality is not known.
const unprovenScore = -1

// best ranks by quality, then by estimated cost. The score is the quality.
func best(r *ranker) {
	for i := range r.candidates {
		c := &r.candidates[i]
		c.setCost(r)
		c.set(termQuality, c.Quality)
		if c.score = c.Quality; c.score != c.score {
			c.place, c.score = second, unprovenScore
		}
		c.tie = unknownPrice
		if cost := c.terms[termCost]; cost == cost {
			c.tie = -cost
		}
	}
}

// qualityGain takes better quality to be worth the whole request: whoever chooses this
// strategy does not weigh quality against money.
func qualityGain(_ *ranker, home, best *candidate, total float64) float64 {
	if best.score > home.score {
		return total
	}
	return 0
}
