package meter

import (
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Restore adds the charges of earlier processes, from the ledger. Charges to windows that
// are over, or that are invalid, are skipped. Call it before the first Reserve.
func (m *Meter) Restore(charges []llm.Charge) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range charges {
		if b := m.restored(&c, now); b != nil {
			b.add(room(b.total().spent, max(c.Amount, 0)), 0, 0)
		}
	}
}

// restored returns the bucket that a charge still counts in; nil if there is none.
func (m *Meter) restored(charge *llm.Charge, now time.Time) *bucket {
	k := key{charge.Scope, charge.Window, charge.Unit}
	span, err := m.spanOf(k)
	if err != nil || k.unit == llm.UnitConcurrent {
		return nil
	}
	at := now
	if span.Rolling {
		at, err = time.Parse(instantID, charge.WindowID)
		if age := now.Sub(at); err != nil || age >= span.Part()+span.Every || age < -span.Every {
			return nil
		}
	}
	if windowAt(span, at, m.loc).id != charge.WindowID {
		return nil // of another window, or of parts of another length
	}
	c, err := m.counter(k, now)
	if err != nil {
		return nil
	}
	return c.part(at, m.loc)
}

// part returns the bucket of that time, and makes it if it is an older part of a rolling window.
// What the clock of an earlier process has put into the future counts as of now.
func (c *counter) part(at time.Time, loc *time.Location) *bucket {
	begins := func(b *bucket) time.Time { return b.end.Add(-c.span.Part()) }
	if !c.span.Rolling || !at.Before(begins(c.cur)) {
		return c.cur
	}
	i, ok := slices.BinarySearchFunc(c.older, at, func(b *bucket, at time.Time) int { return begins(b).Compare(at) })
	if !ok {
		c.older = slices.Insert(c.older, i, &bucket{of: c, window: windowAt(c.span, at, loc)})
	}
	return c.older[i]
}
