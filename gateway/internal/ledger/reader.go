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
	// caughtUp returns once the database has what was acknowledged before the call.
	caughtUp func(context.Context) error
}

// Attach opens the ledger at a URL to read from it and to manage keys in it, whether
// or not a server is running. What it reads includes all that the server has
// acknowledged before, also one that was killed. Close must be called.
func Attach(ctx context.Context, url string) (*Reader, error) {
	at, err := locate(url)
	if err != nil {
		return nil, err
	}
	db, err := at.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", at, at.explain(err))
	}
	return &Reader{db, follower{at, db}.reach}, nil
}

// DB is the database under the ledger, for packages that keep tables of their own
// in it. It is closed by Close.
func (r *Reader) DB() *sql.DB { return r.db }

// Close closes the database. It may be called once.
func (r *Reader) Close() error {
	if err := r.db.Close(); err != nil {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}

// follower waits for the process that serves from the ledger.
type follower struct {
	at place
	db *sql.DB
}

// followPatience is how long a server may take to import what it has written. It does
// so ten times a second, unless its database cannot be written.
const followPatience = 2 * time.Second

var errBehind = errors.New("the server has not brought its last requests to the database within 2 s: its log says why (is its disk full?)")

// reach returns once the database has what the journal holds now. Without a server it
// imports that itself.
func (f follower) reach(ctx context.Context) error {
	end, err := f.at.journalEnd()
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	ctx, stop := context.WithTimeoutCause(ctx, followPatience, errBehind)
	defer stop()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		switch done, err := f.look(ctx, end); {
		case done:
			return err
		case ctx.Err() != nil: // whatever look was at
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

// look says whether the database has got as far as end, and helps when nobody else
// does. A write that failed may have been taken back since.
func (f follower) look(ctx context.Context, end position) (bool, error) {
	mark, err := readMark(ctx, f.db)
	if err != nil {
		return false, fmt.Errorf("read the ledger: %w", err)
	}
	now, err := f.at.journalEnd()
	if err != nil || !mark.before(end) || now != (position{}) && !mark.before(now) {
		return err == nil, err
	}
	l, ok, err := f.at.take()
	if !ok || err != nil {
		return false, err
	}
	return true, errors.Join(f.help(ctx), l.release())
}

// help imports what a server has left that is no more.
func (f follower) help(ctx context.Context) error {
	s, err := startSession(ctx, f.db, time.Now)
	if err == nil {
		err = errors.Join(importLeftovers(ctx, f.at, s), s.close())
	}
	if err != nil {
		return fmt.Errorf("import what a stopped server has left into %s: %w", f.at.path, err)
	}
	return nil
}
