package strategies

import penstock "github.com/penstock/penstock/sdk/go"

// Prices, in nano-USD per million tokens, by which gain and lost cache are compared at a
// target that has no price or is free. They matter only in relation to each other.
var nominal = penstock.Target{PriceIn: 1e9, PriceOut: 4e9, PriceCached: 1e8}

// keepSession puts the target that has the session's prompt in its cache first in the sorted
// order, unless what is gained at the best other one is worth more than the cache. It stays within the best
// tier: what is cooling down, exhausted, a fallback or of a later tier is never preferred.
func (r *ranker) keepSession() {
	at := r.home()
	if at < 0 {
		return
	}
	home := &r.candidates[r.order[at]]
	prices, inMoney := home.Target, home.priced() && home.PriceIn+home.PriceOut > 0
	if !inMoney {
		prices = &nominal
	}
	input, output := r.settings.estInput, home.expectedOutput(r)
	total := dollars(prices, input, output, 0)
	lost := total - dollars(prices, input, output, float64(home.CachedPrefix))
	if inMoney {
		home.set(termLostCache, lost)
	}
	other := r.bestBut(at)
	if other == nil || !home.within(other) || home.place > max(other.place, ordinary) {
		return
	}
	gain := r.settings.strategy.gain(r, home, other, total)
	if inMoney {
		home.set(termGain, gain)
	}
	if !(gain > lost) {
		home.place, home.level = kept, min(home.level, other.level)
		r.moveUp(at)
	}
}

// within reports whether a session may stay on its target: it is in the tier of the best
// other one, or its tier is stronger than the request needs.
func (home *candidate) within(other *candidate) bool {
	return home.tier() == other.tier() || home.stronger && home.standing == other.standing
}

// home is where the target with the longest part of the session's prompt in its cache ranks, of
// equals the first; -1 when none has any.
func (r *ranker) home() int {
	home, longest := -1, uint32(0)
	if !r.settings.sticky || r.cached == 0 {
		return home
	}
	for at, i := range r.order {
		c := &r.candidates[i]
		if c.CachedPrefix > longest && c.figures.Sticky != 0 {
			home, longest = at, c.CachedPrefix
		}
	}
	return home
}

// bestBut is the candidate that ranks first without the one at home, nil if there is no other.
func (r *ranker) bestBut(home int) *candidate {
	for at, i := range r.order {
		if at != home {
			return &r.candidates[i]
		}
	}
	return nil
}

// noGain is for strategies that have no reason to prefer one target of a tier.
func noGain(*ranker, *candidate, *candidate, float64) float64 { return 0 }
