package strategies

import (
	"math"

	penstock "github.com/penstock/penstock/sdk/go"
)

// unknownPrice is the score of a target without a known price: no request costs a billion
// dollars, and unlike an infinity it can be written as JSON.
const unknownPrice = -1e9

// The classes of the cost strategy.
const (
	adequate = iota // as good as asked, price known
	unproven        // quality unknown although a floor is set, price known
	unpriced        // price unknown
	poor            // below the floor
)

// cheapest ranks by estimated cost among the targets that are good enough. Its
// score is the negated estimate in US dollars.
func cheapest(candidates []candidate, set *settings) {
	output := set.expectedOutput()
	for i := range candidates {
		c := &candidates[i]
		c.class = set.adequacy(c.Target)
		c.score = -dollars(c.Target, set.estInput, output)
		if c.Flags&penstock.TargetPriced == 0 {
			c.score = unknownPrice
		}
	}
}

func costSetting(s *settings, key string) *float64 {
	switch key {
	case "min_quality":
		return &s.minQuality
	case "output_tokens":
		return &s.outputTokens
	}
	return nil
}

// adequacy is a target's class.
func (s *settings) adequacy(t *penstock.Target) int64 {
	switch {
	case t.Quality < s.minQuality: // false when either is NaN
		return poor
	case t.Flags&penstock.TargetPriced == 0:
		return unpriced
	case !math.IsNaN(s.minQuality) && math.IsNaN(t.Quality):
		return unproven
	}
	return adequate
}

// dollars is what a request of so many tokens is estimated to cost at t. The
// prefix that the provider has cached is charged at the price for that, or at the
// full one when none is known.
func dollars(t *penstock.Target, input, output float64) float64 {
	cached := min(float64(t.CachedPrefix), input)
	cachedPrice := t.PriceCached
	if cachedPrice == 0 {
		cachedPrice = t.PriceIn
	}
	nano := (input-cached)*float64(t.PriceIn) + cached*float64(cachedPrice) + output*float64(t.PriceOut)
	return nano / 1e6 / 1e9
}
