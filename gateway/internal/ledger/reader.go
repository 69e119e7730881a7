package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Reader reads a ledger. It is safe for concurrent use.
type Reader struct {
	db *sql.DB
	// catchUp returns once the database has everything acknowledged before the call.
	catchUp func(context.Context) error
}

// Attach opens the ledger at a URL to read it and to manage keys in it, whether or not a
// server is running. What it reads includes everything that a server has acknowledged
// before, even one that was killed. Close must be called.
func Attach(ctx context.Context, url string) (*Reader, error) {
	at, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	db, err := at.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", at, at.addHint(err))
	}
	return &Reader{db, follower{at, db}.catchUp}, nil
}

// DB returns the ledger's database, for packages with tables of their own in it. Close
// closes it.
func (r *Reader) DB() *sql.DB { return r.db }

// Close closes the database. It may be called once.
func (r *Reader) Close() error {
	if err := r.db.Close(); err != nil {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}

// follower waits for the process that writes the ledger.
type follower struct {
	at location
	db *sql.DB
}

// maxFollowWait is how long a server may take to import what it has written. It does
// so ten times a second, unless its database cannot be written.
const maxFollowWait = 2 * time.Second

var errBehind = errors.New("the server has not imported its last requests into the database within 2 s; see its log for the cause (is its disk full?)")

// catchUp returns once the database has what the journal has now. Without a server it
// imports that itself.
func (f follower) catchUp(ctx context.Context) error {
	end, err := f.at.journalEnd()
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	ctx, stop := context.WithTimeoutCause(ctx, maxFollowWait, errBehind)
	defer stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		switch done, err := f.poll(ctx, end); {
		case done:
			return err
		case ctx.Err() != nil: // whatever poll was doing
			return fmt.Errorf("wait for the ledger: %w", context.Cause(ctx))
		case err != nil:
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// poll reports whether the database has everything up to end. Without a server it imports
// that. The journal may have become shorter, by a write that failed.
func (f follower) poll(ctx context.Context, end position) (bool, error) {
	mark, err := readMark(ctx, f.db)
	if err != nil {
		return false, fmt.Errorf("read the ledger: %w", err)
	}
	now, err := f.at.journalEnd()
	if err != nil || !mark.before(end) || now != (position{}) && !mark.before(now) {
		return err == nil, err
	}
	l, ok, err := f.at.tryAcquire()
	if !ok || err != nil {
		return false, err
	}
	return true, errors.Join(f.importOrphaned(ctx), l.release())
}

// importOrphaned imports what a server that has ended left in the journal.
func (f follower) importOrphaned(ctx context.Context) error {
	s, err := startSession(ctx, f.db, time.Now)
	if err == nil {
		err = errors.Join(importJournal(ctx, f.at, s), s.close())
	}
	if err != nil {
		return fmt.Errorf("import the journal of a stopped server into %s: %w", f.at.path, err)
	}
	return nil
}
