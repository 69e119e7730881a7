package upstream

import (
	"maps"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// The states of a circuit.
const (
	Closed   = "closed"
	Open     = "open"
	HalfOpen = "half-open"
)

// State is what calls a target or credential lets through now, for operators: closed lets
// all of them through, open none, half-open the probe.
type State struct {
	State string
	// Why and Until are empty when it is closed.
	Why   string
	Until time.Time
}

// CredentialState is the state of one of a target's credentials there, and what is left of
// its limits; negative means unknown.
type CredentialState struct {
	ID string
	State
	RemainingRequests, RemainingTokens int64
}

// Targets returns the IDs of the targets that are remembered, in their order.
func (h *Health) Targets() []string { return slices.Sorted(maps.Keys(h.all())) }

// State returns the state of a target, and those of its credentials there. It notes the target's
// state for TakeChanges.
func (h *Health) State(id string, credentials ...*Credential) (State, []CredentialState) {
	t, now := h.findOrAdd(id, h.o.Known), h.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	h.noteState(id, t, credentials, now)
	of := make([]CredentialState, len(credentials))
	for i := range credentials {
		of[i] = h.credentialState(t, credentials, i, now)
	}
	return h.stateOfTarget(id, t, credentials, now), of
}

// stateOfTarget returns the state of a target. Its lock is held.
func (h *Health) stateOfTarget(id string, t *target, credentials []*Credential, now time.Time) State {
	b := h.blockOfTarget(id, t, credentials, now, false)
	half := t.circuit.halfOpen(now) && (b.why == "" || b == blocked(t.circuit.blockedUntil(now, h.o.MaxOpen), t.circuit.why))
	return stateOf(b, half)
}

// credentialState returns the state of the i-th credential at a target. The target's lock is
// held.
func (h *Health) credentialState(t *target, credentials []*Credential, i int, now time.Time) CredentialState {
	l := t.laneOf(credentials, i)
	left := llm.Stats{RemainingRequests: -1, RemainingTokens: -1}
	l.addLeft(&left, now)
	l.account.mu.Lock()
	half := l.account.circuit.halfOpen(now)
	l.account.mu.Unlock()
	b := h.blockOf(t, credentials, i, now, false)
	half = (half || l.circuit.halfOpen(now)) && b.why != llm.CoolingForOperator
	return CredentialState{credentials[i].ID, stateOf(b, half), left.RemainingRequests, left.RemainingTokens}
}

// State returns the state of a credential for all of its provider's targets.
func (h *Health) CredentialState(c *Credential) State {
	now := h.now()
	c.account.mu.Lock()
	b, half := blocked(c.account.circuit.blockedUntil(now, h.o.MaxOpen), c.account.circuit.why), c.account.circuit.halfOpen(now)
	c.account.mu.Unlock()
	o := h.openings.block(c.ID, now)
	return stateOf(b.and(o), half && o.why == "")
}

func stateOf(b block, half bool) State {
	switch {
	case half:
		return State{HalfOpen, b.why, b.until}
	case b.why != "":
		return State{Open, b.why, b.until}
	}
	return State{State: Closed}
}
