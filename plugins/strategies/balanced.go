package strategies

import (
	"math"

	penstock "github.com/penstock/penstock/sdk/go"
)

// neutral is the value of an unknown figure, neither for nor against a target.
const neutral = 0.5

// balanced weighs cost, quality, latency and errors against each other. The first
// three are normalized between the worst and the best of the candidates; the error
// rate is not, because then a thousandth against none would count as much as all
// against none. The score is the weighted mean, between 0 and 1.
func balanced(candidates []candidate, set *settings) {
	total := set.cost + set.quality + set.latency + set.errors
	if total == 0 {
		return
	}
	output := set.expectedOutput()
	speed := meanSpeed(candidates)
	costs, qualities, latencies := empty(), empty(), empty()
	for i := range candidates {
		c := &candidates[i]
		c.cost, c.latency = cost(c.Target, set.estInput, output), latency(c.Target, output, speed)
		costs.add(c.cost)
		qualities.add(c.Quality)
		latencies.add(c.latency)
	}
	for i := range candidates {
		c := &candidates[i]
		sum := set.cost*(1-costs.position(c.cost)) + set.quality*qualities.position(c.Quality) +
			set.latency*(1-latencies.position(c.latency)) + set.errors*(1-share(c.ErrorRate))
		c.score = sum / total
	}
}

func balancedSetting(s *settings, key string) *float64 {
	switch key {
	case "cost":
		return &s.cost
	case "quality":
		return &s.quality
	case "latency":
		return &s.latency
	case "errors":
		return &s.errors
	case "output_tokens":
		return &s.outputTokens
	}
	return nil
}

// cost is in US dollars, NaN when the price is unknown.
func cost(t *penstock.Target, input, output float64) float64 {
	if t.Flags&penstock.TargetPriced == 0 {
		return math.NaN()
	}
	return dollars(t, input, output)
}

// latency is the expected time to the last token in milliseconds, NaN when the
// target has not been measured. A target without a speed of its own counts as fast
// as the others on average.
func latency(t *penstock.Target, output, speed float64) float64 {
	if !(t.FirstToken > 0) {
		return math.NaN()
	}
	if t.Speed > 0 {
		speed = t.Speed
	}
	if !(speed > 0) {
		return t.FirstToken
	}
	return t.FirstToken + output/speed*1000
}

func meanSpeed(candidates []candidate) float64 {
	sum, n := 0.0, 0.0
	for i := range candidates {
		if s := candidates[i].Speed; s > 0 {
			sum, n = sum+s, n+1
		}
	}
	if n == 0 {
		return 0
	}
	return sum / n
}

// share is an error rate forced between 0 and 1.
func share(rate float64) float64 {
	if !(rate > 0) {
		return 0
	}
	return min(rate, 1)
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
