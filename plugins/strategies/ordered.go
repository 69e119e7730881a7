package strategies

// ordered keeps the configured order within each tier. The score is the negated
// tier.
func ordered(candidates []candidate, _ *settings) {
	for i := range candidates {
		c := &candidates[i]
		c.class = int64(c.Order)
		c.score = -float64(c.Order)
	}
}
