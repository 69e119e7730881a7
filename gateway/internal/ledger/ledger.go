// Package ledger remembers what every request used and cost, in one SQLite file:
// the records, the charges that meters are rebuilt from after a restart, and the
// journal of reservations that are still open. It answers spend queries.
//
// It decides nothing: it does not know limits, prices or policy, and it never
// deletes a record.
package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Options tune a Ledger. The zero value works.
type Options struct {
	// Queue bounds the records waiting for the writer; a Write that finds the queue
	// full waits for room. Zero means 1,024.
	Queue int
	// Linger is how long the writer waits for more records before it commits, and
	// only while many are being written: a lone caller never waits. Zero means one
	// millisecond, negative means never.
	Linger time.Duration
	// Now is the clock for booking times; nil means time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Queue <= 0 {
		o.Queue = 1024
	}
	if o.Linger == 0 {
		o.Linger = time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Ledger is an open ledger. It is safe for concurrent use.
type Ledger struct {
	db     *sql.DB
	run    string
	now    func() time.Time
	writer *writer
	keeper *keeper
}

// Open opens the ledger at a URL, sqlite://PATH or sqlite://:memory:, and brings
// its schema up to date. A new file is readable by its owner only. One process may
// serve from a ledger; others may read it and manage keys in it at the same time.
// Close must be called.
func Open(ctx context.Context, url string, o Options) (*Ledger, error) {
	o = o.withDefaults()
	at, err := locate(url)
	if err != nil {
		return nil, err
	}
	db, err := at.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", at, at.explain(err))
	}
	l := &Ledger{db: db, run: newRun(), now: o.Now}
	if l.writer, err = startWriter(ctx, db, l.run, o); err != nil {
		db.Close()
		return nil, fmt.Errorf("open ledger %s: %w", at, at.explain(err))
	}
	l.keeper = startKeeper(db, l.writer, o.Now)
	return l, nil
}

// DB is the database under the ledger, for packages that keep tables of their own
// in it. It is closed by Close.
func (l *Ledger) DB() *sql.DB { return l.db }

// Close writes everything that waits and closes the database. Writes that come
// later are refused. It may be called once.
func (l *Ledger) Close() error {
	l.keeper.close()
	err := l.writer.close()
	if e := l.db.Close(); err == nil && e != nil {
		err = fmt.Errorf("close ledger: %w", e)
	}
	return err
}
