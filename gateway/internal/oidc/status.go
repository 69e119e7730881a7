package oidc

import (
	"sync/atomic"
	"time"
)

// Outcome is what became of a token.
type Outcome int

// The outcomes.
const (
	// Accepted tokens were verified now, Cached ones before.
	Accepted Outcome = iota
	Cached
	Malformed
	UnknownIssuer
	WrongAlgorithm
	UnknownKey
	WrongSignature
	Expired
	NotYetValid
	WrongAudience
	WrongClaims
	Unavailable
	numOutcomes
)

// String returns the outcome's name in metrics.
func (o Outcome) String() string {
	return [numOutcomes]string{"accepted", "cached", "malformed", "unknown_issuer", "algorithm", "unknown_key", "signature",
		"expired", "not_yet_valid", "audience", "claims", "unavailable"}[o]
}

// outcomes counts tokens by outcome.
type outcomes [numOutcomes]atomic.Int64

func (c *outcomes) count(o Outcome) { c[o].Add(1) }

// counts returns the counts above zero by name.
func (c *outcomes) counts() map[string]int64 {
	out := map[string]int64{}
	for o := range numOutcomes {
		if n := c[o].Load(); n > 0 {
			out[o.String()] = n
		}
	}
	return out
}

// Status is the state of an issuer.
type Status struct {
	// Name is empty for the tokens that belong to no issuer, which have counts only.
	Name string
	// Keys is how many keys there are, Fetched when they were last fetched; zero for fixed keys,
	// and before they were.
	Keys    int
	Fetched time.Time
	// Fault is why they could not be fetched last; nil if they were.
	Fault error
	// Tokens counts tokens by outcome, Refreshes and Failures the fetches that succeeded and
	// failed.
	Tokens              map[string]int64
	Refreshes, Failures int64
}

// Status returns the state of each issuer, and last that of the tokens that belong to none.
func (s *Issuers) Status() []Status {
	var all []Status
	for _, is := range s.all {
		st := is.ring.status()
		st.Name, st.Tokens = is.Name, is.counts.counts()
		all = append(all, st)
	}
	return append(all, Status{Tokens: s.strangers.counts()})
}

func (k *keyring) status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	st := Status{Fetched: k.fetched, Fault: k.err, Refreshes: k.refreshes, Failures: k.failures}
	if k.set != nil {
		st.Keys = len(k.set.keys)
	}
	return st
}
