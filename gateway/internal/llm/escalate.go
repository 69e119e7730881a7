package llm

import "slices"

// Check is one thing that can be wrong with an answer that is complete.
type Check string

// The checks.
const (
	CheckEmpty   Check = "empty"   // it has no content
	CheckRefusal Check = "refusal" // the model declines to answer
	CheckJSON    Check = "json"    // the request asked for JSON, and this is none, or does not fit its schema
	CheckLength  Check = "length"  // the bound on output tokens has cut it off
	CheckFilter  Check = "filter"  // a content filter has held it back
)

// Checks returns all checks, in the order in which they are made.
func Checks() []Check {
	return []Check{CheckEmpty, CheckFilter, CheckRefusal, CheckLength, CheckJSON}
}

// Escalation says which answers of a route are not good enough, so that the next target is
// asked. The zero value accepts all.
type Escalation struct {
	On []Check
	// Max is how many answers of one request may be turned down.
	Max int
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
