package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// session is the connection that imports the journal's entries into SQLite. One goroutine
// uses it.
type session struct {
	conn *sql.Conn
	*statements
	now func() time.Time
	// seq is the last row's.
	seq int64
	// pruned is when charges of windows that are over were deleted last.
	pruned time.Time

	// entry is the current one, totals what the transaction charges, and hourly and hourlyBy what
	// its requests add up to; all are reused. delays are those of its requests, if there are any.
	entry    entry
	totals   totals
	hourly   hourly
	hourlyBy hourlyBy
	delays   delays
	// kept is how long charges to windows are kept; at most maxKept of them.
	kept map[string]time.Duration
}

// maxKept bounds the windows that a session remembers.
const maxKept = 1000

// pruneEvery is how often charges of windows that are over are deleted.
const pruneEvery = time.Minute

// logPages is the size of SQLite's own log, in pages of 4 KiB, at which a commit also
// moves its pages to the database file. That waits for the disk, but no request waits for
// the commit.
const logPages = 2048

// startSession takes a connection out of the pool.
func startSession(ctx context.Context, db *sql.DB, now func() time.Time) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, now: now, totals: make(totals), hourly: make(hourly), hourlyBy: make(hourlyBy), kept: make(map[string]time.Duration)}
	if err := s.start(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *session) start(ctx context.Context) error {
	if _, err := s.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA wal_autocheckpoint = %d", logPages)); err != nil {
		return err
	}
	return s.conn.Raw(func(c any) (err error) {
		s.statements, err = prepare(c)
		return err
	})
}

func (s *session) close() error {
	_ = s.conn.Raw(func(any) error { s.statements.close(); return nil })
	return s.conn.Close()
}

// apply imports the part of the chunks that has not been imported, and moves the mark to
// the end of the last; all in one transaction, so that nothing is charged twice. It takes
// no context: a transaction is always finished, and the driver bounds the wait for a lock.
func (s *session) apply(list []chunk) error {
	ctx := context.Background()
	// IMMEDIATE takes the write lock at once: a transaction that began as a reader could
	// not wait for another writer.
	if _, err := s.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := s.write(ctx, list)
	if err == nil {
		_, err = s.conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = s.conn.ExecContext(ctx, "ROLLBACK") // fails when SQLite has rolled back by itself
	}
	return err
}

// write reads the mark from the database first: after a commit that failed, only the
// database knows it for certain.
func (s *session) write(ctx context.Context, list []chunk) error {
	mark, err := readMark(ctx, s.conn)
	if err != nil {
		return err
	}
	if err := s.conn.QueryRowContext(ctx, "SELECT ifnull(max(seq), 0) FROM requests").Scan(&s.seq); err != nil {
		return err
	}
	return s.conn.Raw(func(any) error { return s.writeAfter(mark, list) })
}

func (s *session) writeAfter(mark position, list []chunk) error {
	clear(s.totals)
	clear(s.hourly)
	s.delays = delays{math.MaxInt64, math.MinInt64}
	for _, c := range list {
		if !mark.before(c.end()) {
			continue
		}
		if err := s.writeFrames(c.after(mark)); err != nil {
			return err
		}
		mark = c.end()
	}
	if err := cmp.Or(s.charge(s.now()), s.saveHourly(), s.saveDelays()); err != nil {
		return err
	}
	if err := s.exec(saveMark, mark.segment, mark.offset); err != nil {
		return fmt.Errorf("save the mark: %w", err)
	}
	return nil
}

// querier is a database or one of its connections.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// readMark returns up to where the journal has been imported.
func readMark(ctx context.Context, q querier) (mark position, err error) {
	err = q.QueryRowContext(ctx, "SELECT segment, place FROM imported").Scan(&mark.segment, &mark.offset)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return mark, err
}

func (s *session) writeFrames(frames string) error {
	for frames != "" {
		var payload string
		payload, frames = splitFrame(frames)
		if err := s.entry.parse(payload); err != nil {
			return err
		}
		if err := s.writeEntry(&s.entry); err != nil {
			return err
		}
	}
	return nil
}

// writeEntry ignores a record that the ledger has already, with its charges. The charges of
// a lease are in the journal only for a process that is killed.
func (s *session) writeEntry(e *entry) error {
	switch e.kind {
	case openEntry, draftEntry, extendEntry:
		return nil
	case routeEntry:
		return s.saveRoute(e)
	case feedbackEntry:
		return s.saveFeedback(e)
	case oldRecordEntry, record8Entry, recordEntry:
		s.seq = max(s.seq+1, e.row.written)
		err := s.insert(s.seq, &e.row)
		if isDuplicate(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("insert record: %w", err)
		}
		s.hourly.add(&e.row)
		s.delays.add(s.seq - e.row.arrived)
	}
	s.totals.add(e.charges)
	return nil
}

// saveDelays widens the delays in the database by those of the transaction.
func (s *session) saveDelays() error {
	if s.delays.shortest > s.delays.longest {
		return nil
	}
	if err := s.exec(widenDelays, s.delays.shortest, s.delays.longest); err != nil {
		return fmt.Errorf("save how late records are written: %w", err)
	}
	return nil
}

// isDuplicate reports whether an insert was refused because the ledger has a record of
// that id. Any other refusal would lose a record, so it is an error.
func isDuplicate(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE && strings.Contains(e.Error(), "requests.id")
}

// retention is the function of that name, remembered: a window's time zone is a file.
func (s *session) retention(window string) time.Duration {
	d, ok := s.kept[window]
	if !ok {
		if d = retention(window); len(s.kept) < maxKept {
			s.kept[window] = d
		}
	}
	return d
}

// charge adds the totals to their accounts, and from time to time deletes those of windows
// that are over.
func (s *session) charge(now time.Time) error {
	for a, amount := range s.totals {
		expires := now.Add(s.retention(a.span)).Unix()
		if err := s.exec(addCharge, a.scope, a.unit, a.span, a.spanID, amount, expires); err != nil {
			return fmt.Errorf("add charge: %w", err)
		}
	}
	if now.Sub(s.pruned) < pruneEvery {
		return nil
	}
	s.pruned = now
	if err := s.exec(pruneCharges, now.Unix()); err != nil {
		return fmt.Errorf("prune charges: %w", err)
	}
	return nil
}
