package llm

import "math"

// Add returns a + b, or the nearest number of its type when that is out of range. Sums of
// money and tokens must never wrap around: a negative total would lift every limit.
func Add[N ~int64](a, b N) N {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

// Times returns a * b for factors that are not negative, or the largest number of its
// type when that is out of range. A negative factor counts as 0.
func Times[N ~int64](a, b N) N {
	switch {
	case a <= 0 || b <= 0:
		return 0
	case a > math.MaxInt64/b:
		return math.MaxInt64
	}
	return a * b
}
