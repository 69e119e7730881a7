package strategies

import "math"

// unweighted is the score of a target that the draw never picks.
const unweighted = -1e9

// weighted draws at random without replacement within each tier, a target's chance
// to come next being its share of the weights that are left. Efraimidis and
// Spirakis: sorting by u^(1/w), u uniform, is such a draw; the score is the
// logarithm of that. A target without weight comes last in its tier.
func weighted(candidates []candidate, set *settings) {
	seed := set.number()
	for i := range candidates {
		c := &candidates[i]
		c.class = int64(c.Order) * 2
		if !(c.Weight > 0) {
			c.class, c.score = c.class+1, unweighted
			continue
		}
		c.score = max(math.Log(uniform(seed, c.Index))/c.Weight, unweighted)
	}
}

// uniform is a number between 0 and 1, both exclusive, that depends on seed and
// index alone (the finalizer of splitmix64), so that one target's draw does not
// change when another drops out.
func uniform(seed uint64, index uint32) float64 {
	z := seed + (uint64(index)+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return (float64(z>>11) + 0.5) / (1 << 53)
}

// number reads the seed. The host writes a decimal number; digits are all that
// counts.
func (s *settings) number() uint64 {
	n := uint64(0)
	for _, c := range s.seed {
		n = n*10 + uint64(c-'0')
	}
	return n
}
