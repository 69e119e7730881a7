package strategies

// ordered keeps the configured order within each tier. The score is the negated
// tier.
func ordered(r *ranker) {
	for i := range r.candidates {
		c := &r.candidates[i]
		c.score = -float64(c.Order)
	}
}
