package strategies

import penstock "github.com/penstock/penstock/sdk/go"

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

	terms = penstock.TermGain + 1
)

// appendTerms appends those of the candidate's terms that are known.
func (c *candidate) appendTerms(out []byte) []byte {
	for term, x := range c.terms {
		if x-x == 0 { // neither NaN nor infinite
			out = penstock.AppendTerm(out, c.Index, uint32(term), x)
		}
	}
	return out
}
