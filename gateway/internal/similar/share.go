package similar

import "math"

// Share is a part of a whole with its 95 % confidence interval, which is Wilson's: it holds
// for small numbers and near 0 and 1, too.
type Share struct {
	Count int     `json:"count"`
	Of    int     `json:"of"`
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// NewShare returns the share of count in of. Of nothing it is unknown: from 0 to 1.
func NewShare(count, of int) Share {
	if of == 0 {
		return Share{High: 1}
	}
	const z = 1.959964 // two-sided, 95 %
	n, p := float64(of), float64(count)/float64(of)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Share{Count: count, Of: of, Value: p, Low: max(middle-half, 0), High: min(middle+half, 1)}
}
