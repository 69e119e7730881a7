package strategies

import "math"

// neutral is the value of an unknown figure, neither for nor against a target.
const neutral = 0.5

// balanced weighs cost, quality, latency and errors against each other. The first
// three are normalized between the worst and the best of the candidates; the error
// rate is not, because then a thousandth against none would count as much as all
// against none. The score is the weighted mean, between 0 and 1.
func balanced(r *ranker) {
	set, p, output := &r.settings, r.peers(), r.typicalOutput()
	costs, qualities, latencies := empty(), empty(), empty()
	for i := range r.candidates {
		c := &r.candidates[i]
		c.setCost(r)
		c.set(termQuality, c.Quality)
		c.set(termErrors, within(c.ErrorRate))
		c.set(termLatency, latency(c.Target, output, p.speed))
		costs.add(c.terms[termCost])
		qualities.add(c.Quality)
		latencies.add(c.terms[termLatency])
	}
	total := set.cost + set.quality + set.latency + set.errors
	for i := range r.candidates {
		c := &r.candidates[i]
		c.set(termCostPart, set.cost*(1-costs.position(c.terms[termCost]))/total)
		c.set(termQualityPart, set.quality*qualities.position(c.Quality)/total)
		c.set(termLatencyPart, set.latency*(1-latencies.position(c.terms[termLatency]))/total)
		c.set(termErrorsPart, set.errors*(1-c.terms[termErrors])/total)
		c.score = c.terms[termCostPart] + c.terms[termQualityPart] + c.terms[termLatencyPart] + c.terms[termErrorsPart]
	}
}

// balancedGain weighs what is saved, in US dollars, with the weights of the strategy. It is
// not the difference of the scores: normalized between two targets, the smallest difference
// counts as the largest.
func balancedGain(r *ranker, home, best *candidate, total float64) float64 {
	set := &r.settings
	sum := set.cost*costGain(r, home, best, total) +
		total*(set.quality*(known(best.Quality)-known(home.Quality))+set.errors*(home.terms[termErrors]-best.terms[termErrors]))
	if saved := 1 - best.terms[termLatency]/home.terms[termLatency]; saved == saved {
		sum += total * set.latency * max(saved, -1)
	}
	return sum / (set.cost + set.quality + set.latency + set.errors)
}

// known is a quality, or neutral when it is not known.
func known(quality float64) float64 {
	if quality != quality {
		return neutral
	}
	return quality
}

// span is the range of the figures that are known.
type span struct{ low, high float64 }

func empty() span { return span{low: math.Inf(1), high: math.Inf(-1)} }

// add extends the span to x. Comparing with NaN is false, so an unknown x changes nothing.
func (s *span) add(x float64) {
	if x < s.low {
		s.low = x
	}
	if x > s.high {
		s.high = x
	}
}

// position is where x lies in the span, between 0 and 1; neutral when x is unknown or when
// all figures are the same.
func (s *span) position(x float64) float64 {
	width := s.high - s.low
	if x != x || !(width > 0 && width <= math.MaxFloat64) {
		return neutral
	}
	return (x - s.low) / width
}
