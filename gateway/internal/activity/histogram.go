package activity

import (
	"math"
	"math/bits"
	"time"
)

// Histogram counts times in buckets that grow by a factor of about 1.19 (four to each power of
// two), from 16 µs to 19 minutes. The zero value is empty.
type Histogram struct {
	buckets [bucketCount]uint32
	count   uint64
}

const (
	// perDouble is how many buckets there are to each power of two; 1<<perDoubleBits.
	perDoubleBits = 2
	// lowest is the power of two of the first bucket, in nanoseconds: 16 µs.
	lowest = 14
	// bucketCount covers 26 powers of two.
	bucketCount = 26 << perDoubleBits
)

// Add counts a time.
func (h *Histogram) Add(d time.Duration) {
	h.buckets[bucketOf(d)]++
	h.count++
}

// Merge adds what another histogram has counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	h.count += o.count
}

// Count returns how many times have been counted.
func (h *Histogram) Count() uint64 { return h.count }

// Quantile returns the time below which that share of the times lies, from 0 to 1, within the
// width of a bucket; NaN for none. It is in milliseconds.
func (h *Histogram) Quantile(share float64) float64 {
	if h.count == 0 {
		return math.NaN()
	}
	rank := max(uint64(math.Ceil(share*float64(h.count))), 1)
	var below uint64
	for i, n := range h.buckets {
		if below += uint64(n); below >= rank {
			return middle(i)
		}
	}
	return middle(bucketCount - 1)
}

// Buckets calls f for every bucket that has counted something, with its middle in milliseconds.
func (h *Histogram) Buckets(f func(ms float64, n uint32)) {
	for i, n := range h.buckets {
		if n > 0 {
			f(middle(i), n)
		}
	}
}

func bucketOf(d time.Duration) int {
	n := uint64(max(d, 1))
	power := bits.Len64(n) - 1
	if power < lowest {
		return 0
	}
	within := n >> (power - perDoubleBits) & (1<<perDoubleBits - 1)
	return min((power-lowest)<<perDoubleBits|int(within), bucketCount-1)
}

// middle returns the middle of a bucket in milliseconds.
func middle(i int) float64 {
	power, within := i>>perDoubleBits+lowest, i&(1<<perDoubleBits-1)
	low := math.Ldexp(1+float64(within)/(1<<perDoubleBits), power)
	return low * (1 + 0.5/(1<<perDoubleBits+float64(within))) / 1e6
}
