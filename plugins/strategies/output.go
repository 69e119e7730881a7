package strategies

// expectedOutput is the expected length of the candidate's answer in tokens: what the operator
// has set, else the mean of the route's answers there, else the default. It is never more than
// the client allows.
func (c *candidate) expectedOutput(s *settings) float64 {
	expected := s.outputTokens
	if expected == 0 {
		expected = float64(c.meanOutput)
	}
	if expected == 0 {
		expected = defaultOutput
	}
	if s.maxOutput > 0 {
		expected = min(expected, s.maxOutput)
	}
	return expected
}

// typicalOutput is the expected length of an answer wherever the request goes.
func (r *ranker) typicalOutput() float64 {
	sum := 0.0
	for i := range r.candidates {
		sum += r.candidates[i].expectedOutput(&r.settings)
	}
	return sum / float64(max(len(r.candidates), 1))
}
