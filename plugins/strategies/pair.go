package strategies

// drawn moves the candidate that a strategy has picked by chance to the front of its tier.
func (c *candidate) drawn() { c.place = chosen }

// pair draws two targets of the first tier by weight, of those that may be used. The second
// is nil when there is but one, both are when there is none. Choosing the better of two that
// were drawn, and not the best of all, keeps requests that arrive together from all going to
// the same target.
func (r *ranker) pair(usable func(*candidate) bool) (a, b *candidate) {
	var keyA, keyB float64
	for i := range r.candidates {
		c := &r.candidates[i]
		if c.tier() != r.first || !(c.Weight > 0) || !usable(c) {
			continue
		}
		// No logarithm is above its number less 1, so most are not worth computing.
		if b != nil && (uniform(c.random)-1)/c.Weight <= keyB {
			continue
		}
		switch key := c.drawKey(); {
		case a == nil || key > keyA:
			a, b, keyA, keyB = c, a, key, keyA
		case b == nil || key > keyB:
			b, keyB = c, key
		}
	}
	return a, b
}

// findFirst sets the tier of the first target with a weight.
func (r *ranker) findFirst() {
	found := false
	for i := range r.candidates {
		c := &r.candidates[i]
		if c.Weight > 0 && (!found || c.tier() < r.first) {
			r.first, found = c.tier(), true
		}
	}
}

// chance is a number between 0 and 1 for one decision of a request, or of a session.
func (r *ranker) chance(decision uint32) float64 {
	return uniform(randomOf(r.mixed, decision))
}
