package strategies

// expectedOutput is the expected length of the candidate's answer in tokens: what the operator
// has set, else the mean of the route's answers there, else the default. It is never more than
// the client allows.
func (c *candidate) expectedOutput(r *ranker) float64 {
	expected, most := r.settings.outputTokens, r.settings.maxOutput
	if expected == 0 {
		expected = float64(r.route.ExpectedOutput(c.position))
	}
	if expected == 0 {
		expected = defaultOutput
	}
	if most > 0 && expected > most {
		return most
	}
	return expected
}

// typicalOutput is the expected length of an answer wherever the request goes.
func (r *ranker) typicalOutput() float64 {
	sum := 0.0
	for i := range r.candidates {
		sum += r.candidates[i].expectedOutput(r)
	}
	return sum / float64(max(len(r.candidates), 1))
}
