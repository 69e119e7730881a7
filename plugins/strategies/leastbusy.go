package strategies

// perWeight is how many requests a target without max_inflight is taken to serve well at
// once, for each unit of its weight.
const perWeight = 16

// leastBusy takes the less busy of two targets of the first tier that are drawn by weight.
// The score is the negated load.
func leastBusy(r *ranker) {
	for i := range r.candidates {
		c := &r.candidates[i]
		c.weighs()
		c.set(termLoad, c.load(r, 1))
		c.score = -c.terms[termLoad]
	}
	r.findFirst()
	a, b := r.pair(func(*candidate) bool { return true })
	switch {
	case a == nil:
	case b != nil && b.score > a.score:
		b.drawn()
	default:
		a.drawn()
	}
}

// load is the share of the target's capacity that is in use with so many requests more.
func (c *candidate) load(r *ranker, more float64) float64 {
	capacity := perWeight * c.Weight
	if most := r.route.MaxInflight(c.position); most > 0 {
		capacity = float64(most)
	}
	if !(capacity > 0) {
		capacity = perWeight
	}
	return (float64(c.Inflight) + more) / capacity
}

// loadGain takes a target that is busier by all of its capacity to be worth the request.
func loadGain(_ *ranker, home, best *candidate, total float64) float64 {
	return total * within(home.terms[termLoad]-best.terms[termLoad])
}

// within forces a share between 0 and 1; one that is not a number is 0.
func within(share float64) float64 {
	if !(share > 0) {
		return 0
	}
	if share > 1 { // min would be a call
		return 1
	}
	return share
}
