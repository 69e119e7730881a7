package ledger

import (
	"context"
	"fmt"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Lease is a reservation that an earlier process left open.
type Lease struct {
	ID string
	// Record is the record to store; nil for a lease of an older version, which is charged
	// without one.
	Record *llm.Record
	// Charges is what the lease adds to the meters.
	Charges []llm.Charge
}

// Progress is the progress of a request's reply.
type Progress struct {
	// ID is the request's, Output the tokens of its reply so far.
	ID     string
	Output int64
}

// OpenLease journals what a request has reserved, before money is spent on it. The draft
// is its record as far as it is known; if the process ends before the record is written,
// the next process writes the draft (see Record.Interrupt). OpenLease returns once it is
// written, like Write. A second call with the same request replaces the first. The lease
// ends with the record of the same ID.
func (l *Ledger) OpenLease(ctx context.Context, draft *llm.Record) error {
	buf := buffers.Get().(*[]byte)
	now := l.now()
	frames, route := l.appendUnseen((*buf)[:0], draft, now)
	start := len(frames)
	frames = appendDraft(frames, draft)
	err := l.journal.append(ctx, frames, 0, leaseChange{lease: draft.ID, frame: string(frames[start:])})
	if err == nil {
		l.routeSeen(route, now)
	}
	putBuffer(buf, frames)
	return err
}

// Extend journals the progress of requests with an open lease, all in one write. Leases
// that have ended meanwhile are ignored.
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

// Sweep writes a record for every request that an earlier process left open, and returns
// them for the log. Call it once at the start, before Totals and the first request.
func (l *Ledger) Sweep(ctx context.Context) ([]Lease, error) {
	orphans := l.orphans
	l.orphans = nil
	for _, o := range orphans {
		if err := l.writeOrphan(ctx, o); err != nil {
			return nil, fmt.Errorf("charge lease %s: %w", o.ID, err)
		}
	}
	return orphans, nil
}

func (l *Ledger) writeOrphan(ctx context.Context, o Lease) error {
	if o.Record != nil {
		return l.Write(ctx, o.Record)
	}
	return l.journal.append(ctx, appendEnd(nil, o.ID, o.Charges), 0, leaseChange{lease: o.ID})
}

// parseOrphan parses a lease's frames: the one that opened it and, behind it, the last that
// extended it.
func parseOrphan(id, frames string) (Lease, error) {
	payload, rest := splitFrame(frames)
	var opened, extended entry
	if err := opened.parse(payload); err != nil {
		return Lease{}, err
	}
	if opened.kind != draftEntry {
		return Lease{ID: id, Charges: opened.charges}, nil
	}
	if rest != "" {
		payload, _ = splitFrame(rest)
		if err := extended.parse(payload); err != nil {
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
