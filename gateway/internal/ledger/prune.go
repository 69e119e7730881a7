package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Cutoff says what is too old. A zero time means that nothing is.
type Cutoff struct {
	// Records is the time before which records were written that are deleted, Sums that of the
	// hours whose sums are.
	Records, Sums time.Time
}

// Keep returns the cutoff of what is kept for so long; zero keeps it for ever.
func Keep(now time.Time, records, sums time.Duration) (c Cutoff) {
	if records > 0 {
		c.Records = now.Add(-records)
	}
	if sums > 0 {
		c.Sums = now.Add(-sums)
	}
	return c
}

// Prune deletes the oldest records of those that are too old, at most so many, and returns how
// many there were. The sums that are too old go with the last of them. The charges to meters
// stay.
func (l *Ledger) Prune(ctx context.Context, before Cutoff, most int) (int64, error) {
	p := pruneRequest{before, most, make(chan pruneResult, 1)}
	select {
	case l.importer.pruneRequests <- p:
	case <-l.importer.stopped:
		return 0, unavailable("it is closed", errClosed)
	case <-ctx.Done():
		return 0, fmt.Errorf("wait for the ledger: %w", context.Cause(ctx))
	}
	out := <-p.done // comes without further waiting
	return out.rows, out.err
}

// pruneRequest asks the importer, which writes to the database, to delete records.
type pruneRequest struct {
	before Cutoff
	most   int
	done   chan pruneResult
}

// pruneResult is the result of a pruneRequest.
type pruneResult struct {
	rows int64
	err  error
}

// pruneStep is how many records Reader.Prune deletes in one transaction: a server that runs
// writes between them.
const pruneStep = 5000

// Prune deletes all that is too old, whether or not a server is running, and returns how many
// records there were.
func (r *Reader) Prune(ctx context.Context, before Cutoff) (total int64, err error) {
	if err := r.catchUp(ctx); err != nil {
		return 0, err
	}
	s, err := startSession(ctx, r.db, time.Now)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for ctx.Err() == nil {
		n, err := s.prune(before, pruneStep)
		total += n
		if err != nil || n < pruneStep {
			return total, err
		}
	}
	return total, context.Cause(ctx)
}

// prune deletes records, oldest first and at most so many. Their charges to meters and their
// sums stay. Once none is left that is too old, feedback of that age, facts of routes that no
// later record names and sums that are too old go as well.
func (s *session) prune(before Cutoff, most int) (deleted int64, err error) {
	if !before.Records.IsZero() {
		if deleted, err = s.pruneRecords(before.Records.UnixMicro(), most); err != nil || deleted == int64(most) {
			return deleted, err
		}
	}
	if before.Sums.IsZero() {
		return deleted, nil
	}
	_, err = s.conn.ExecContext(context.Background(), "DELETE FROM hourly WHERE hour < ?1; DELETE FROM hourly_by WHERE hour < ?1", before.Sums.Unix()/3600)
	return deleted, err
}

func (s *session) pruneRecords(before int64, most int) (deleted int64, err error) {
	const q = "DELETE FROM requests WHERE seq IN (SELECT seq FROM requests WHERE seq < ? ORDER BY seq LIMIT ?)"
	r, err := s.conn.ExecContext(context.Background(), q, before, most)
	if err != nil {
		return 0, err
	}
	if deleted, err = r.RowsAffected(); err != nil || deleted == int64(most) {
		return deleted, err
	}
	if _, err = s.conn.ExecContext(context.Background(), "DELETE FROM feedback WHERE given < ?", before); err != nil {
		return deleted, err
	}
	_, err = s.conn.ExecContext(context.Background(), "DELETE FROM routes WHERE seen < ?", before-2*renewRoute.Microseconds())
	return deleted, err
}
