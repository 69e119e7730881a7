package llm

import (
	"slices"
	"time"
)

// Check is one thing that can be wrong with an answer that is complete.
type Check string

// The checks.
const (
	CheckEmpty   Check = "empty"   // it has no content
	CheckRefusal Check = "refusal" // the model declines to answer
	CheckJSON    Check = "json"    // the request asked for JSON, and this is none, or does not fit its schema
	CheckLength  Check = "length"  // the bound on output tokens has cut it off
	CheckFilter  Check = "filter"  // a content filter has held it back

	CheckSelfScore Check = "self_score" // a model that is asked gives it too low a score
)

// Checks returns all checks, in the order in which they are made.
func Checks() []Check {
	return []Check{CheckEmpty, CheckFilter, CheckRefusal, CheckLength, CheckJSON, CheckSelfScore}
}

// Escalation says which answers of a route are not good enough, so that the next target is
// asked. The zero value accepts all.
type Escalation struct {
	On []Check
	// Max is how many answers of one request may be turned down.
	Max int
	// Score says how CheckSelfScore is made.
	Score SelfScore
}

// SelfScore says who is asked how good answers are, and which are good enough.
type SelfScore struct {
	// Target is asked; nil means the target that has answered.
	Target *Target
	// Below is the score from which on an answer passes, between 0 and 1.
	Below   float64
	Timeout time.Duration
}

// Scored is what a record says of an answer's score.
type Scored struct {
	By string `json:"by"`
	// Score is from 0 to 1; nil when there is none, so that the answer passes, and Fault says why.
	Score    *float64 `json:"score,omitempty"`
	Duration Millis   `json:"duration_ms,omitempty"`
	// Usage and Cost are those of asking. They are the operator's: no limit of the caller's counts
	// them, and those of the record and the attempt do not include them.
	Usage Usage   `json:"usage,omitzero"`
	Cost  NanoUSD `json:"cost_nano_usd,omitempty"`
	Fault string  `json:"fault,omitempty"`
}

// Has reports whether answers undergo a check.
func (e *Escalation) Has(c Check) bool { return slices.Contains(e.On, c) }

// Escalated is what a record says of a request whose answers are checked.
type Escalated struct {
	On []Check `json:"on"`
	// Unchecked says why no answer of this request is checked; empty when they are.
	Unchecked string `json:"unchecked,omitempty"`
	// Passed says that the answer which the caller got has failed a check, too, since no
	// target gave a better one.
	Passed bool `json:"passed,omitempty"`
}

// AnswerText is what an answer says, as far as checks need it.
type AnswerText struct {
	// Text is that of the first choice, without reasoning.
	Text string
	// Refused says that the answer itself is marked as a refusal.
	Refused bool
}
