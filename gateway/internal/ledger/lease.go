package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Lease is a journalled reservation, with what it is charged when nobody settles it.
type Lease struct {
	ID      string
	Expires time.Time
	Charges []llm.Charge
}

// OpenLease journals what a request has reserved, before money is spent on it. It
// returns once that is written, like Write. A second call with the same lease
// replaces the first. The lease ends with the record that names it, as its Lease or
// by having the same ID, or with CloseLease.
func (l *Ledger) OpenLease(ctx context.Context, lease string, states []llm.LimitState, expires time.Time) error {
	frame := appendOpening(nil, lease, expires.Unix(), estimates(states))
	return l.journal.append(ctx, frame, 0, leaseChange{lease, string(frame)})
}

// CloseLease ends a lease without a record and books the charges, which may be none.
// It is for reservations that the meter has given up on. A lease that was never
// journalled is no error.
func (l *Ledger) CloseLease(ctx context.Context, lease string, charges []llm.Charge) error {
	return l.journal.append(ctx, appendClosing(nil, lease, charges), 0, leaseChange{lease: lease})
}

// estimates turns the reservation's states into what they cost when nothing better
// is known. Two limits on one meter have reserved once; requests in flight end with
// their process.
func estimates(states []llm.LimitState) []llm.Charge {
	charges := make([]llm.Charge, 0, len(states))
	for i, s := range states {
		if s.Unit == llm.UnitConcurrent || s.Reserved == 0 || repeats(states[:i], s) {
			continue
		}
		charges = append(charges, llm.Charge{Scope: s.Scope, Unit: s.Unit, Window: s.Window, WindowID: s.WindowID, Amount: s.Reserved})
	}
	return charges
}

func repeats(earlier []llm.LimitState, s llm.LimitState) bool {
	for _, e := range earlier {
		if e.Scope == s.Scope && e.Unit == s.Unit && e.Window == s.Window {
			return true
		}
	}
	return false
}

// Sweep charges every lease that an earlier process left open at its estimate, and
// returns them for the log. Call it once at the start, before Totals and before the
// first request: what this process opens is the meter's to watch.
func (l *Ledger) Sweep(ctx context.Context) ([]Lease, error) {
	orphans := l.orphans
	l.orphans = nil
	for _, o := range orphans {
		if err := l.CloseLease(ctx, o.ID, o.Charges); err != nil {
			return nil, fmt.Errorf("charge lease %s: %w", o.ID, err)
		}
	}
	return orphans, nil
}
