package llm

import "time"

// Decided is an admission decision as the decision log gets it.
type Decided struct {
	// RequestID and KeyID name the request and the caller's key, which may be empty.
	RequestID, KeyID string
	At               time.Time
	// Trace is the caller's span.
	Trace Trace
	// Took is how long the decision took.
	Took time.Duration
	// Input returns the whole input as JSON. It is called once, after the request may have
	// ended; nil under the obligation log: none.
	Input func() ([]byte, error)
	// Decision is what was decided; without Err, which denies. It must not be changed.
	Decision *Decision
	Err      error
	// Bundle is the revision of the bundle that the policy came in, empty without one.
	Bundle string
}
