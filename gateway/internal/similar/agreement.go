package similar

// MinAgreement is the similarity of two replies from which they count as the same answer.
const MinAgreement = 0.8

// maxAgreementText is how much of a reply is compared, in bytes.
const maxAgreementText = 16 << 10

// Agreement returns how similar two replies are, from 0 to 1, by the built-in embedder. It
// stands in for the question whether they say the same: replies in other words agree less
// than they should, and replies that differ in one number agree more.
func Agreement(a, b string) float64 {
	return float64(max(min(dot(Embed(cut(a)), Embed(cut(b))), 1), 0))
}

func cut(s string) string { return s[:min(len(s), maxAgreementText)] }
