package llm

// Overhead is the gateway's own part of Duration: what was spent neither on providers, nor waiting
// for a turn or for the endpoint that classifies, nor on pauses between attempts.
func (r *Record) Overhead() Millis {
	own := r.Duration - r.Upstream - r.Queued
	for i := range r.Attempts {
		own -= r.Attempts[i].Wait
	}
	if r.Classified != nil {
		own -= r.Classified.Duration
	}
	return max(own, 0)
}
