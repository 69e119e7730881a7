package strategies

import (
	"math"

	penstock "github.com/penstock/penstock/sdk/go"
)

const (
	// priorSamples is how many attempts the peers' median counts for in a target's time.
	priorSamples = 2
	// staleSamples is the decayed number of attempts below which a time is no longer trusted.
	staleSamples = 0.5
	// maxErrors bounds the error rate that times are divided by the rest of.
	maxErrors = 0.95
	// anyLatency is the time, in milliseconds, of targets when none has been measured.
	anyLatency = 1000
	// sharpness is the power by which the faster of two targets is preferred: at 3, one that
	// takes twice as long is chosen in one of nine cases. Equally fast ones share evenly.
	sharpness = 3
)

// The decisions that a chance is drawn for.
const (
	chanceToExplore = iota
	chanceOfPair
	chanceOfSlow
)

// fastest prefers the faster of two targets of the first tier that are drawn by weight. Those
// without a recent measurement count as their peers' median and are asked in a small share
// of the requests. The score is the negated time in milliseconds, with errors and load.
func fastest(r *ranker) {
	output := r.typicalOutput()
	p := r.peers()
	median, usual := p.latency(output), r.usualLoad()
	cold, measured := 0, 0
	r.findFirst()
	for i := range r.candidates {
		c := &r.candidates[i]
		c.weighs()
		c.set(termLatency, c.expected(p, output, median))
		c.set(termErrors, within(c.ErrorRate))
		c.set(termLoad, c.load(r, 0))
		c.score = -c.terms[termLatency] * busier(c.terms[termLoad], usual) / successes(c.terms[termErrors])
		if c.tier() == r.first && c.Weight > 0 && c.cold() {
			cold++
		} else if c.tier() == r.first && c.Weight > 0 {
			measured++
		}
	}
	if c := r.explored(cold, measured, func(c *candidate) float64 { return latency(c.Target, output, p.speed) / median }); c != nil {
		c.drawn()
		return
	}
	a, b := r.pair(func(c *candidate) bool { return measured == 0 || !c.cold() })
	if b != nil && r.chance(chanceOfPair) > preference(a, b) {
		a = b
	}
	if a != nil {
		a.drawn()
	}
}

// explored is the cold target that this request is to measure, nil for none. All cold targets
// together get no more than their fair share, and one has no second request before the
// first has ended. One that was n times slower than its peers' median when it was measured last
// is measured n√n times more rarely: if it still is, that is a slow answer.
func (r *ranker) explored(cold, measured int, slower func(*candidate) float64) *candidate {
	if cold == 0 || measured == 0 {
		return nil
	}
	fair := float64(cold) / float64(cold+measured)
	if r.chance(chanceToExplore) >= min(r.settings.explore, fair) {
		return nil
	}
	c, _ := r.pair(func(c *candidate) bool { return c.cold() && c.Inflight == 0 })
	if c == nil {
		return nil
	}
	if n := slower(c); r.chance(chanceOfSlow)*n*math.Sqrt(n) > 1 {
		return nil
	}
	return c
}

// preference is the chance of the first of two targets.
func preference(a, b *candidate) float64 {
	slower := math.Pow(a.score/b.score, sharpness)
	return 1 / (1 + slower)
}

// cold reports whether the target has no measurement that is recent enough.
func (c *candidate) cold() bool { return !(c.FirstToken > 0) || c.figures.Samples < staleSamples }

// expected is the time to the last token in milliseconds: the target's own, and where that is
// better than the peers' median, weighed by its attempts against it. A lucky measurement must
// draw no crowd; a bad one may keep it away.
func (c *candidate) expected(p peers, output, median float64) float64 {
	own := latency(c.Target, output, p.speed)
	switch {
	case own != own:
		return median
	case own > median && !c.cold():
		return own
	}
	n := c.figures.Samples
	if !(n > 0) {
		n = 0
	}
	return (own*n + median*priorSamples) / (n + priorSamples)
}

// littleLoad is the load below which differences count for little: of a few requests, one more is
// chance.
const littleLoad = 0.25

// busier is how many times as busy as usual a target is, at least 1. Requests pile up at a target
// that has become slow before any of them has ended; but an idle one is not faster than it was.
func busier(load, usual float64) float64 {
	if load <= usual {
		return 1
	}
	return (load + littleLoad) / (usual + littleLoad)
}

// successes is the share of attempts that end well, at least one in twenty.
func successes(errors float64) float64 {
	if errors > maxErrors {
		errors = maxErrors
	}
	return 1 - errors
}

// usualLoad is the median of the loads.
func (r *ranker) usualLoad() float64 {
	return r.median(func(c *candidate) float64 { return 1 + c.load(r, 0) }) - 1
}

// peers are the medians of a route's measured targets, 0 when none has been measured: of the
// time to the first token in milliseconds, and of the output tokens per second.
type peers struct{ first, speed float64 }

func (p peers) latency(output float64) float64 {
	t := latency(&penstock.Target{FirstToken: p.first}, output, p.speed)
	if t != t {
		return anyLatency
	}
	return t
}

func (r *ranker) peers() peers {
	return peers{
		first: r.median(func(c *candidate) float64 { return c.FirstToken }),
		speed: r.median(func(c *candidate) float64 { return c.Speed }),
	}
}

// maxSampled bounds the targets that a median is taken of.
const maxSampled = 32

// median is that of the positive figures, the lower one of two; 0 without any. Of many targets
// it takes one in so many, in configured order.
func (r *ranker) median(figure func(*candidate) float64) float64 {
	r.figures = r.figures[:0]
	step := (len(r.candidates) + maxSampled - 1) / maxSampled
	for i := 0; i < len(r.candidates); i += step {
		if x := figure(&r.candidates[i]); x > 0 && x <= math.MaxFloat64 {
			r.figures = append(r.figures, x)
		}
	}
	if len(r.figures) == 0 {
		return 0
	}
	return selected(r.figures, (len(r.figures)-1)/2)
}

// selected is the number with k smaller ones, and reorders all (Hoare's selection): sorting them
// takes several times as long.
func selected(x []float64, k int) float64 {
	for low, high := 0, len(x)-1; low < high; {
		pivot, i, j := x[k], low, high
		for i <= j {
			for x[i] < pivot {
				i++
			}
			for x[j] > pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i, j = i+1, j-1
			}
		}
		if j < k {
			low = i
		}
		if i > k {
			high = j
		}
	}
	return x[k]
}

// latency is the expected time to the last token in milliseconds, NaN when the
// target has not been measured. A target without a speed of its own has that of its peers.
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

// latencyGain takes the share of the time that is saved to be worth that share of the request.
func latencyGain(_ *ranker, home, best *candidate, total float64) float64 {
	return total * within((best.score-home.score)/-home.score)
}
