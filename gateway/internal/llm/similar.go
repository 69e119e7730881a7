package llm

// SimilarMode is what a route does with replies to requests that say the same in other words.
type SimilarMode string

// The modes. In shadow mode such a reply is looked for and compared with the target's, and
// not sent.
const (
	SimilarOff    SimilarMode = "off"
	SimilarShadow SimilarMode = "shadow"
	SimilarOn     SimilarMode = "on"
)

// Similarity is a route's settings for replies to requests in other words. Its zero value is
// off.
type Similarity struct {
	Mode SimilarMode
	// Embedder is "lexical", or the model that embeds texts. Threshold is the least cosine.
	Embedder  string
	Threshold float64
	// MaxChars is the longest text that is looked up, in characters.
	MaxChars int
	// Sample is the share of similar hits, from 0 to 1, that are answered by a target anyway, to
	// compare both replies.
	Sample float64
}

// On reports whether similar replies are looked for.
func (s *Similarity) On() bool { return s.Mode == SimilarOn || s.Mode == SimilarShadow }

// SimilarLookup is what became of a request in the similarity cache.
type SimilarLookup struct {
	Mode SimilarMode `json:"mode"`
	// Skipped says why nothing was looked up; empty when it was.
	Skipped string `json:"skipped,omitempty"`
	// ID names the entry of the most similar text, Source the request that its reply was given
	// to. They are empty when none was similar enough.
	ID         string  `json:"id,omitempty"`
	Source     string  `json:"source,omitempty"`
	Similarity float64 `json:"similarity,omitempty"`
	// Refused names the guard that refused the entry; empty for one that may answer.
	Refused string `json:"refused,omitempty"`
	// Agreement is how similar the entry's reply is to the target's, from 0 to 1, and Agreed
	// whether that counts as the same; nil unless both were there.
	Agreement *float64 `json:"agreement,omitempty"`
	Agreed    bool     `json:"agreed,omitempty"`
}
