package ledger

import (
	"context"
	"fmt"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Lease is a reservation that an earlier process left open.
type Lease struct {
	ID string
	// Record is what the request is booked as; nil for a lease of an older version,
	// which is charged without one.
	Record *llm.Record
	// Charges is what the lease adds to the meters.
	Charges []llm.Charge
}

// Progress is how far the reply to a request has come.
type Progress struct {
	// ID is the request's, Output the tokens of its reply so far.
	ID     string
	Output int64
}

// OpenLease journals what a request has reserved, before money is spent on it. The
// draft is its record as far as it is known; should the process end before the request
// is booked, the next one books the draft (see Record.Interrupt). OpenLease returns
// once that is written, like Write. A second call with the same request replaces the
// first. The lease ends with the record of the same ID.
func (l *Ledger) OpenLease(ctx context.Context, draft *llm.Record) error {
	buf := buffers.Get().(*[]byte)
	frame := appendDraft((*buf)[:0], draft)
	err := l.journal.append(ctx, frame, 0, leaseChange{lease: draft.ID, frame: string(frame)})
	putBuffer(buf, frame)
	return err
}

// Extend journals how far requests with an open lease have come, all in one write.
// Leases that have ended in the meantime are passed over.
func (l *Ledger) Extend(ctx context.Context, progress []Progress) error {
	if len(progress) == 0 {
		return nil
	}
	var frames []byte
	changes := make([]leaseChange, len(progress))
	for i, p := range progress {
		start := len(frames)
		frames = appendProgress(frames, p)
		changes[i] = leaseChange{lease: p.ID, frame: string(frames[start:]), extends: true}
	}
	return l.journal.append(ctx, frames, 0, changes...)
}

// Sweep books every request that an earlier process left open, and returns them for
// the log. Call it once at the start, before Totals and before the first request: what
// this process opens is its own to watch.
func (l *Ledger) Sweep(ctx context.Context) ([]Lease, error) {
	orphans := l.orphans
	l.orphans = nil
	for _, o := range orphans {
		if err := l.bookOrphan(ctx, o); err != nil {
			return nil, fmt.Errorf("charge lease %s: %w", o.ID, err)
		}
	}
	return orphans, nil
}

func (l *Ledger) bookOrphan(ctx context.Context, o Lease) error {
	if o.Record != nil {
		return l.Write(ctx, o.Record)
	}
	return l.journal.append(ctx, appendClosing(nil, o.ID, o.Charges), 0, leaseChange{lease: o.ID})
}

// orphan reads what a lease's frames say: how it was opened and, behind that, how far
// its request had come.
func orphan(id, frames string) (Lease, error) {
	payload, rest := cut(frames)
	var opened, extended entry
	if err := opened.read(payload); err != nil {
		return Lease{}, err
	}
	if opened.kind != draftEntry {
		return Lease{ID: id, Charges: opened.charges}, nil
	}
	if rest != "" {
		payload, _ = cut(rest)
		if err := extended.read(payload); err != nil {
			return Lease{}, err
		}
	}
	r, err := decode([]byte(opened.row.record))
	if err != nil {
		return Lease{}, err
	}
	r.Interrupt(extended.output)
	return Lease{ID: id, Record: r, Charges: r.Charges}, nil
}
