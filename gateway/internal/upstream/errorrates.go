package upstream

import (
	"math"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// errorClasses are the kinds of failure that are told apart, in the order in which they are
// listed. Anything else that counts as one is the first.
var errorClasses = [...]llm.Fault{llm.FaultServer, llm.FaultNetwork, llm.FaultTimeout, llm.FaultCut, llm.FaultMalformed, llm.FaultNotFound,
	llm.FaultRateLimited, llm.FaultAuth, llm.FaultQuota}

// ErrorShare is the decayed share of attempts that have failed in one way, 0 to 1.
type ErrorShare struct {
	Class llm.Fault
	Share float64
}

// errorRates counts good attempts and those that have failed, by class; each loses half its weight
// every halfLife.
type errorRates struct {
	good float64
	bad  [len(errorClasses)]float64
	at   time.Time
}

// decay takes off what the counts have lost until now.
func (e *errorRates) decay(now time.Time) {
	if w := e.left(now); w < 1 {
		e.good *= w
		for i := range e.bad {
			e.bad[i] *= w
		}
	}
	e.at = now
}

// left is what is left of the counts' weight.
func (e *errorRates) left(now time.Time) float64 {
	return math.Exp2(-float64(max(now.Sub(e.at), 0)) / float64(halfLife))
}

func (e *errorRates) succeed(now time.Time) {
	e.decay(now)
	e.good++
}

func (e *errorRates) fail(now time.Time, class llm.Fault) {
	e.decay(now)
	e.bad[max(slices.Index(errorClasses[:], class), 0)]++
}

// counts returns how many attempts were good, and how many failed, decayed until now.
func (e *errorRates) counts(now time.Time) (good, bad float64) {
	for _, n := range e.bad {
		bad += n
	}
	w := e.left(now)
	return e.good * w, bad * w
}

// rate returns the decayed share of failures, 0 to 1, and the class that most of them are of. One
// added success keeps a single failure from being 100 % and lets old ones fade.
func (e *errorRates) rate(now time.Time) (share float64, most llm.Fault) {
	good, bad := e.counts(now)
	if bad == 0 {
		return 0, ""
	}
	top := 0
	for i := range e.bad {
		if e.bad[i] > e.bad[top] {
			top = i
		}
	}
	return bad / (good + bad + 1), errorClasses[top]
}

// shares returns the share of each class; they add up to the rate.
func (e *errorRates) shares(now time.Time) []ErrorShare {
	good, bad := e.counts(now)
	w := e.left(now)
	list := make([]ErrorShare, len(errorClasses))
	for i, class := range errorClasses {
		list[i] = ErrorShare{class, e.bad[i] * w / (good + bad + 1)}
	}
	return list
}

// samples returns how many recent attempts there were, to two decimals.
func (e *errorRates) samples(now time.Time) float64 {
	good, bad := e.counts(now)
	return math.Round((good+bad)*100) / 100
}
