package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Totals returns what has been charged to every window that may not be over, to rebuild
// the meters from after a start. It may contain windows that have just ended, since the
// ledger does not know the meters' time zone.
func (r *Reader) Totals(ctx context.Context, now time.Time) ([]llm.Charge, error) {
	if err := r.catchUp(ctx); err != nil {
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

// correction is the lease's name in the entry of an operator's correction.
const correction = "correction"

// Correct stores charges without a request: the differences by which an operator corrects
// a counter, which may be negative. It returns once a killed process would not lose them.
func (l *Ledger) Correct(ctx context.Context, charges []llm.Charge) error {
	return l.journal.append(ctx, appendEnd(nil, correction, charges), 0)
}

// retention returns how long a charge made now is kept: at least as long as its window.
func retention(window string) time.Duration {
	w, err := llm.ParseWindow(window)
	if err != nil {
		return llm.Window{Calendar: "month"}.Longest() // an unknown window: no meter reads it, but it is not lost at once
	}
	return w.Longest()
}

// account names one window of one meter.
type account struct{ scope, unit, span, spanID string }

// totals sums the charges of a transaction, so that each account is written once.
type totals map[account]int64

func (t totals) add(charges []llm.Charge) {
	for _, c := range charges {
		a := account{c.Scope, string(c.Unit), c.Window, c.WindowID}
		t[a] = llm.Add(t[a], c.Amount)
	}
}
