package ledger

import (
	"context"
	"encoding/json"
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
	o := newOp()
	o.open, o.expires, o.text = lease, expires.Unix(), string(appendCharges(nil, estimates(states)))
	return l.writer.do(ctx, o)
}

// CloseLease ends a lease without a record and books the charges, which may be none.
// It is for reservations that the meter has given up on. A lease that was never
// journalled is no error.
func (l *Ledger) CloseLease(ctx context.Context, lease string, charges []llm.Charge) error {
	o := newOp()
	o.close[0] = lease
	o.charges = append(o.charges, charges...)
	return l.writer.do(ctx, o)
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
	orphans, err := l.orphans(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	for _, o := range orphans {
		op := newOp()
		op.orphan = o.ID
		op.charges = append(op.charges, o.Charges...)
		if err := l.writer.do(ctx, op); err != nil {
			return nil, fmt.Errorf("charge lease %s: %w", o.ID, err)
		}
	}
	return orphans, nil
}

func (l *Ledger) orphans(ctx context.Context) ([]Lease, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT id, expires, charges FROM leases WHERE run <> ? ORDER BY id", l.run)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Lease
	for rows.Next() {
		var o Lease
		var expires int64
		var charges []byte
		if err := rows.Scan(&o.ID, &expires, &charges); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(charges, &o.Charges); err != nil {
			return nil, fmt.Errorf("lease %s: %w", o.ID, err)
		}
		o.Expires = time.Unix(expires, 0)
		list = append(list, o)
	}
	return list, rows.Err()
}
