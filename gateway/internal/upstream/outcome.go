package upstream

import (
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Outcome is the result of an attempt.
type Outcome struct {
	Fault  llm.Fault
	Status int
	// Credential means that a FaultAuth or FaultQuota is about the key or the account
	// itself and not about this model or request.
	Credential bool
	// RetryAfter is how long the provider asked to wait; 0 means that it did not.
	RetryAfter time.Duration
	// Header is the reply's, which may show the provider's limits; it may be nil.
	Header http.Header
	// FirstToken is the time from the attempt's start to the first piece of content, 0
	// when that was not seen, as in a plain reply. Noted says that Flight.FirstToken was told
	// of it when it came. Duration is the whole attempt, and Held the part of it in which the
	// reply was not read because the caller was written to.
	FirstToken, Duration, Held time.Duration
	Noted                      bool
	// Probe marks a call that no caller has asked for. It opens and closes circuits, and is no part
	// of the figures of speed and errors.
	Probe bool
	// Silent is how long a stream that was given up had brought nothing; 0 for any other.
	Silent time.Duration
	// OutputTokens is the number that the reply was billed for; 0 when unknown.
	OutputTokens int64
}

// outcomeClass is what an outcome means for the target.
type outcomeClass int

const (
	neutral   outcomeClass = iota // nothing: the caller left, or the gateway's own module failed
	good                          // it serves
	answered                      // it answers that the request is wrong
	bad                           // it fails
	throttled                     // it wants fewer calls
	denied                        // it wants another key, or to be paid
)

func classOf(o Outcome) outcomeClass {
	switch o.Fault {
	case llm.FaultCanceled, llm.FaultTransform, llm.FaultDiverged, llm.FaultCooling, llm.FaultBudget, llm.FaultOverrun, llm.FaultUnsupported, llm.FaultRefused:
		return neutral
	case llm.FaultRateLimited:
		return throttled
	case llm.FaultQuota, llm.FaultAuth:
		return denied
	case llm.FaultServer:
		if o.Status == http.StatusConflict || o.Status == http.StatusTooEarly {
			return neutral // two requests conflict with each other
		}
		return bad
	case llm.FaultNetwork, llm.FaultTimeout, llm.FaultCut, llm.FaultNotFound:
		return bad
	case llm.FaultMalformed:
		if o.Status >= 400 && o.Status < 500 {
			return neutral // one request's tool call went wrong, not the target
		}
		return bad
	case llm.FaultNone:
		return good
	}
	return answered
}
