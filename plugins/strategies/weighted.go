package strategies

import "math"

// unweighted is the score of a target that the draw never picks.
const unweighted = -1e9

// weighted draws at random without replacement within each tier. The score is the draw's
// key. A target without weight comes last in its tier.
func weighted(r *ranker) {
	for i := range r.candidates {
		c := &r.candidates[i]
		if c.score = unweighted; c.weighs() {
			c.score = max(c.drawKey(), unweighted)
		}
	}
}

// weighs puts a target without weight behind the others of its tier and reports whether it
// has one.
func (c *candidate) weighs() bool {
	if c.Weight > 0 {
		return true
	}
	c.place = second
	return false
}

// drawKey is the key by which candidates are drawn: the highest first, the next second. A
// target's chance to come next is its share of the weights that are left. Efraimidis and
// Spirakis: sorting by u^(1/w), u uniform, is such a draw; the key is the logarithm of that.
func (c *candidate) drawKey() float64 { return math.Log(uniform(c.random)) / c.Weight }

// randomOf depends on seed and index alone (the finalizer of splitmix64), so that one
// target's draw does not change when another drops out.
func randomOf(seed uint64, index uint32) uint64 {
	z := seed + (uint64(index)+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// uniform turns random bits into a number between 0 and 1, both exclusive.
func uniform(bits uint64) float64 { return (float64(bits>>11) + 0.5) / (1 << 53) }

// number reads the seed. The host writes a decimal number; digits are all that
// counts.
func (s *settings) number() uint64 {
	n := uint64(0)
	for _, c := range s.seed {
		n = n*10 + uint64(c-'0')
	}
	return n
}
