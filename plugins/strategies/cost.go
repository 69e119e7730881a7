package strategies

import (
	"math"

	penstock "github.com/penstock/penstock/sdk/go"
)

// unknownPrice is the score of a target without a known price: no request costs a billion
// dollars, and unlike an infinity it can be written as JSON.
const unknownPrice = -1e9

// cheapest ranks by estimated cost among the targets that are good enough. Its
// score is the negated estimate in US dollars.
func cheapest(r *ranker) {
	for i := range r.candidates {
		c := &r.candidates[i]
		c.setCost(r)
		c.set(termQuality, c.Quality)
		c.place = r.settings.adequacy(c.Target)
		if c.score = unknownPrice; c.priced() {
			c.score = -c.terms[termCost]
		}
	}
}

// adequacy is a target's place among those of its tier: with a price and as good as asked;
// with a price and unknown quality although a floor is set; without a price. One below the
// floor comes behind all tiers.
func (s *settings) adequacy(t *penstock.Target) place {
	switch {
	case t.Quality < s.minQuality: // false when either is NaN
		return belowFloor
	case t.Flags&penstock.TargetPriced == 0:
		return third
	case !math.IsNaN(s.minQuality) && math.IsNaN(t.Quality):
		return second
	}
	return ordinary
}

func (c *candidate) priced() bool { return c.Flags&penstock.TargetPriced != 0 }

// setCost sets the estimated cost in US dollars, NaN without a price.
func (c *candidate) setCost(r *ranker) {
	cost := math.NaN()
	if c.priced() {
		cost = dollars(c.Target, r.settings.estInput, c.expectedOutput(r), float64(c.CachedPrefix))
	}
	c.set(termCost, cost)
}

// dollars is what a request of so many tokens is estimated to cost at t. The
// prefix that the provider has cached is charged at the price for that, or at the
// full one when none is known.
func dollars(t *penstock.Target, input, output, cached float64) float64 {
	cached = min(cached, input)
	cachedPrice := t.PriceCached
	if cachedPrice == 0 {
		cachedPrice = t.PriceIn
	}
	nano := (input-cached)*float64(t.PriceIn) + cached*float64(cachedPrice) + output*float64(t.PriceOut)
	return nano / 1e6 / 1e9
}

// costGain is what the best target saves against the session's without its cache.
func costGain(_ *ranker, home, best *candidate, total float64) float64 {
	if !home.priced() || !best.priced() {
		return 0
	}
	return total - best.terms[termCost]
}
