package similar

import (
	"math"
	"math/bits"
)

// sketch is 256 bits of a vector: on which side of 256 random planes it lies. The number of
// bits in which two sketches differ tells their angle, within a few degrees.
type sketch [4]uint64

const sketchBits = 256

// sketchOf returns the sketch of a vector. The planes are the same on every machine.
func sketchOf(v []float32) sketch {
	var sums [sketchBits]float32
	for i, x := range v {
		for w := range 4 {
			signs := mix(uint64(i)*4 + uint64(w) + 1)
			part := sums[w*64 : w*64+64]
			for b := range part {
				part[b] += math.Float32frombits(math.Float32bits(x) ^ uint32(signs>>b&1)<<31)
			}
		}
	}
	var s sketch
	for i, sum := range sums {
		if sum > 0 {
			s[i/64] |= 1 << (i % 64)
		}
	}
	return s
}

// distance returns in how many bits two sketches differ.
func (s *sketch) distance(o *sketch) int {
	return bits.OnesCount64(s[0]^o[0]) + bits.OnesCount64(s[1]^o[1]) + bits.OnesCount64(s[2]^o[2]) + bits.OnesCount64(s[3]^o[3])
}

// maxDistance returns the distance that vectors with at least this cosine do not exceed: what
// is expected, and six standard deviations.
func maxDistance(cosine float64) int {
	p := math.Acos(max(min(cosine, 1), -1)) / math.Pi
	return int(sketchBits*p+6*math.Sqrt(sketchBits*p*(1-p))) + 4
}
