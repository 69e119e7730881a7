package llm

import "time"

// Classify has an endpoint label a route's requests before they are ranked: a target, or an
// HTTP API.
type Classify struct {
	// Target is asked with a prompt of the gateway's; nil when URL is.
	Target *Target
	// URL gets the text by POST, with Key as its bearer token unless that returns nothing.
	URL string
	Key func() string
	// Labels are those that an answer may have; none accepts every label of an API.
	Labels  []string
	Timeout time.Duration
}

// By is what is asked: the target's ID, or the URL.
func (c *Classify) By() string {
	if c.Target != nil {
		return c.Target.ID
	}
	return c.URL
}

// Question is what an endpoint is to label: the last text of the user, the model that the caller
// asks for, and the request's tags.
type Question struct {
	Text  string            `json:"text"`
	Model string            `json:"model"`
	Tags  map[string]string `json:"tags,omitempty"`
}

// Classified is what a record says of a request's class.
type Classified struct {
	// Label is the class; empty when the endpoint has given none, and Fault says why.
	Label string `json:"label,omitempty"`
	By    string `json:"by"`
	// Cached says that an equal text had been labelled a moment before.
	Cached   bool   `json:"cached,omitempty"`
	Duration Millis `json:"duration_ms,omitempty"`
	// Usage and Cost are those of a target. They are the operator's: no limit of the caller's
	// counts them, and the record's own do not include them.
	Usage Usage   `json:"usage,omitzero"`
	Cost  NanoUSD `json:"cost_nano_usd,omitempty"`
	Fault string  `json:"fault,omitempty"`
}
