package llm

import "time"

// Feedback is what a caller says of the reply to one of its requests.
type Feedback struct {
	RequestID string `json:"request_id"`
	// KeyID is the key of who says so; empty for an anonymous caller. Each key has one feedback
	// on a request: a later one replaces it.
	KeyID string    `json:"key_id,omitempty"`
	Time  time.Time `json:"time"`
	// Score is from 0, useless, to 1, as good as can be.
	Score float64 `json:"score"`
	// Label sorts feedback, in at most MaxLabel bytes; Comment is free text of at most MaxComment
	// bytes. Both are left out for requests of which nothing is to be logged.
	Label   string `json:"label,omitempty"`
	Comment string `json:"comment,omitempty"`
}

// The bounds of a feedback's texts, in bytes.
const (
	MaxLabel   = 64
	MaxComment = 1 << 10
)
