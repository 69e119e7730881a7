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

// maxExplained bounds the targets whose terms an answer has, besides a session's: the host copies
// and records every one of them.
const maxExplained = 32

// appendTerms appends the known terms of the targets that rank first, and of a session's.
func (r *ranker) appendTerms(out []byte) []byte {
	for k, i := range r.order {
		if c := &r.candidates[i]; k < maxExplained || c.given&(1<<termLostCache) != 0 {
			out = c.appendTerms(out)
		}
	}
	return out
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
