package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Totals returns what has been charged to every window that may not be over by now,
// to rebuild the meters with after a start. It may contain windows that have just
// ended: whoever counts knows the calendar.
func (r *Reader) Totals(ctx context.Context, now time.Time) ([]llm.Charge, error) {
	if err := r.caughtUp(ctx); err != nil {
		return nil, err
	}
	rows, err := r.db.QueryContext(ctx, "SELECT scope, unit, span, span_id, amount FROM charges WHERE expires >= ?", now.Unix())
	if err != nil {
		return nil, fmt.Errorf("read charges: %w", err)
	}
	defer rows.Close()
	var totals []llm.Charge
	for rows.Next() {
		var c llm.Charge
		if err := rows.Scan(&c.Scope, &c.Unit, &c.Window, &c.WindowID, &c.Amount); err != nil {
			return nil, fmt.Errorf("read charges: %w", err)
		}
		totals = append(totals, c)
	}
	return totals, rows.Err()
}

// correction stands in the place of a lease where an operator corrects a counter.
const correction = "correction"

// Correct books a charge that belongs to no request: the difference by which somebody has
// corrected a counter, which may be negative. It returns once a killed process would not
// lose it.
func (l *Ledger) Correct(ctx context.Context, c llm.Charge) error {
	return l.journal.append(ctx, appendClosing(nil, correction, []llm.Charge{c}), 0)
}

// lasting is how long a charge made now matters at most.
func lasting(window string) time.Duration {
	w, err := llm.ParseWindow(window)
	if err != nil {
		return llm.Window{Calendar: "month"}.Longest() // of no use to a meter, but not lost at once
	}
	return w.Longest()
}

// account names one window of one meter.
type account struct{ scope, unit, span, spanID string }

// totals adds up the charges of a group, so that each account is written once.
type totals map[account]int64

func (t totals) add(charges []llm.Charge) {
	for _, c := range charges {
		a := account{c.Scope, string(c.Unit), c.Window, c.WindowID}
		t[a] = llm.Add(t[a], c.Amount)
	}
}
