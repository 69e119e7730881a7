package strategies

import (
	"math/bits"

	penstock "github.com/penstock/penstock/sdk/go"
)

// The terms of a score, which explain it. Their numbers are those of the flat answer.
const (
	termCost        = penstock.TermCost
	termQuality     = penstock.TermQuality
	termLatency     = penstock.TermLatency
	termErrors      = penstock.TermErrorRate
	termLoad        = penstock.TermLoad
	termCostPart    = penstock.TermCostPart
	termQualityPart = penstock.TermQualityPart
	termLatencyPart = penstock.TermLatencyPart
	termErrorsPart  = penstock.TermErrorsPart
	termLostCache   = penstock.TermLostCache
	termGain        = penstock.TermGain
	termDifficulty  = penstock.TermDifficulty
	termThreshold   = penstock.TermThreshold
	termUnknown     = penstock.TermUnknown

	terms = penstock.TermUnknown + 1
)

// set sets a term of the candidate's score.
func (c *candidate) set(term uint32, x float64) {
	c.terms[term], c.given = x, c.given|1<<term
}

// appendTerms appends those of the candidate's terms that are known.
func (c *candidate) appendTerms(out []byte) []byte {
	for given := c.given; given != 0; given &= given - 1 {
		term := uint32(bits.TrailingZeros32(given))
		if x := c.terms[term]; x-x == 0 { // neither NaN nor infinite
			out = penstock.AppendTerm(out, c.Index, term, x)
		}
	}
	return out
}
