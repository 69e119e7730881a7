package strategies

import (
	"math"
	"slices"
)

// A key holds a candidate's class, the upper bits of its score, and its position.
const (
	positionBits = 10
	placeBits    = 3
	levelBits    = 6
	classBits    = 2 + 1 + 1 + levelBits + placeBits
	scoreBits    = 64 - classBits - positionBits
)

// sort puts the best first: ordinary targets before fallbacks, usable before unusable, then
// by tier, place, score and tie. Equals keep their configured order. It sorts whole numbers, and
// compares candidates only where these are equal: in Go's Wasm every branch is slow.
func (r *ranker) sort() {
	n := len(r.candidates)
	r.order = slices.Grow(r.order[:0], n)[:n]
	if !r.sortKeys() {
		for i := range r.order {
			r.order[i] = int32(i)
			r.moveUp(i)
		}
		return
	}
	for i, key := range r.keys {
		r.order[i] = int32(key & (1<<positionBits - 1))
		if i > 0 && key>>positionBits == r.keys[i-1]>>positionBits {
			r.moveUp(i)
		}
	}
}

// moveUp moves the candidate at a place of the order up to where it belongs. All before it are
// sorted.
func (r *ranker) moveUp(at int) {
	position := r.order[at]
	c := &r.candidates[position]
	low, high := 0, at
	if at > 0 && c.compare(&r.candidates[r.order[at-1]]) > 0 {
		low = at
	}
	for low < high {
		if middle := (low + high) / 2; c.compare(&r.candidates[r.order[middle]]) < 0 {
			high = middle
		} else {
			low = middle + 1
		}
	}
	copy(r.order[low+1:at+1], r.order[low:at])
	r.order[low] = position
}

// sortKeys sorts the keys of all candidates. It is false when there are too many candidates or
// levels for a key.
func (r *ranker) sortKeys() bool {
	n := len(r.candidates)
	r.keys = slices.Grow(r.keys[:0], n)[:n]
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range r.candidates {
		level := r.candidates[i].level
		low, high = min(low, level), max(high, level)
	}
	if n > 1<<positionBits || high-low >= 1<<levelBits {
		return false
	}
	for i := range r.candidates {
		r.insert(i, r.candidates[i].key(low)|uint64(i))
	}
	return true
}

// insert inserts a key into the first n keys, which are sorted. It halves what is left of them
// until it knows where the key belongs.
func (r *ranker) insert(n int, key uint64) {
	keys := r.keys[:n+1]
	low, left := 0, n
	if n > 0 && key > keys[n-1] { // targets are often configured in their order
		low, left = n, 0
	}
	for ; left > 0; left /= 2 {
		half := (left + 1) / 2
		if keys[low+half-1] < key {
			low += half
		}
	}
	copy(keys[low+1:], keys[low:n])
	keys[low] = key
}

// key is the candidate's key without its position, given the lowest level.
func (c *candidate) key(lowest int64) uint64 {
	class := uint64(c.tier() - lowest)
	class = class>>36<<2 | class>>34&3 // without the unused bits of the level
	class = class<<levelBits | uint64(c.level-lowest)
	class = class<<placeBits | uint64(c.place)
	return class<<(scoreBits+positionBits) | falling(c.score)>>(64-scoreBits)<<positionBits
}

// falling is a whole number that is the lower, the higher x is.
func falling(x float64) uint64 {
	whole := math.Float64bits(orLast(x) + 0) // 0 for -0
	return whole ^ ^uint64(int64(whole)>>63)>>1
}

// orLast is the lowest figure for one that is not a number, which could not be sorted by.
func orLast(x float64) float64 {
	if x != x {
		return -math.MaxFloat64
	}
	return x
}

// compare is negative if c ranks before another candidate, positive if it ranks behind.
func (c *candidate) compare(other *candidate) int {
	if a, b := c.tier()*places+int64(c.place), other.tier()*places+int64(other.place); a != b {
		return sign(a < b)
	}
	if a, b := orLast(c.score), orLast(other.score); a != b {
		return sign(a > b)
	}
	if a, b := orLast(c.tie), orLast(other.tie); a != b {
		return sign(a > b)
	}
	return c.position - other.position
}

func sign(before bool) int {
	if before {
		return -1
	}
	return 1
}
