// Package ledger stores what every request used and cost: the records, the charges that
// meters are rebuilt from after a restart, the reservations that are still open, the facts of
// routes that records were ranked by, and what callers say of replies. A
// journal of append-only files acknowledges writes; a SQLite database, into which the
// journal is imported in the background, answers spend queries.
//
// It decides nothing: it does not know limits, prices or policy, and it deletes records
// only by Prune.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/bounded"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Options tune a Ledger. The zero value works.
type Options struct {
	// MaxSegment is the size, in bytes, at which the journal begins a new file.
	// Zero means 8 MiB.
	MaxSegment int64
	// MaxBacklog bounds how much of the journal, in bytes, waits for import into the
	// database; beyond it, writes are refused. Zero means 256 MiB.
	MaxBacklog int64
	// Sync has a write return only once the disk has it, so that a loss of power loses
	// nothing that was acknowledged. Without it, what was acknowledged survives the end of
	// the process, and the operating system writes it to the disk when it sees fit.
	Sync bool
	// Now is the clock for the times at which records are written; nil means time.Now.
	Now func() time.Time
	// Log gets damage and failures to import; nil discards them.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.MaxSegment <= 0 {
		o.MaxSegment = 8 << 20
	}
	if o.MaxBacklog <= 0 {
		o.MaxBacklog = 256 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Ledger is a ledger that this process writes. What it reads includes all that it has
// acknowledged. It is safe for concurrent use.
type Ledger struct {
	*Reader
	at       location
	now      func() time.Time
	lock     lock
	journal  *journal
	importer *importer
	// file is the database's as it was opened, fileFault what is wrong with it now.
	file      os.FileInfo
	fileFault atomic.Pointer[llm.Error]
	// routes are when facts of routes were written last, by digest.
	routes bounded.Map[string, time.Time]
	// orphans are the leases that earlier processes left open.
	orphans []Lease
}

// Open opens the ledger at a URL, sqlite://PATH or sqlite://:memory:, for writing, and
// migrates its schema. New files are readable by their owner only. One process may write
// a ledger, and a second one gets ErrInUse; others may read it with Attach and manage
// keys in it at the same time. Close must be called.
func Open(ctx context.Context, url string, o Options) (*Ledger, error) {
	at, err := parseURL(url)
	at.sync = o.Sync
	if err != nil {
		return nil, err
	}
	l := &Ledger{at: at, now: o.withDefaults().Now}
	if err := l.open(ctx, o.withDefaults()); err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", at, at.addHint(err))
	}
	return l, nil
}

// open builds the ledger. It takes the lock before it touches the schema.
func (l *Ledger) open(ctx context.Context, o Options) (err error) {
	if err := l.at.create(); err != nil {
		return err
	}
	if l.lock, err = l.at.acquire(ctx); err != nil {
		return err
	}
	if mode := l.at.exposedMode(); mode != 0 {
		o.Log.Warn("other users of this machine can access the ledger, with its usage records and keys' hashes; run chmod 600 on it", "file", l.at.path, "mode", fmt.Sprintf("%#o", mode))
	}
	db, err := l.at.open(ctx)
	if err == nil && l.at.path != "" {
		l.file, err = os.Stat(l.at.path)
	}
	if err != nil {
		return errors.Join(err, l.lock.release())
	}
	if err := l.start(ctx, db, o); err != nil {
		return errors.Join(err, db.Close(), l.lock.release())
	}
	l.Reader = &Reader{db: db, catchUp: l.importer.catchUp}
	return nil
}

// start recovers what earlier processes left in the journal and begins a new segment,
// which repeats their open leases. Then it deletes the segments before that one.
func (l *Ledger) start(ctx context.Context, db *sql.DB, o Options) error {
	s, err := startSession(ctx, db, o.Now)
	if err != nil {
		return err
	}
	r, err := recoverJournal(ctx, l.at, s, o.Log)
	if err == nil {
		l.orphans = r.orphans()
		l.journal, err = startJournal(l.at, r.next(), r.open, o)
	}
	if err == nil {
		err = s.apply([]chunk{{start: l.journal.end}})
	}
	if err == nil {
		err = l.at.removeBefore(l.journal.end.segment)
	}
	if err != nil {
		return errors.Join(err, l.journal.discard(), s.close())
	}
	l.importer = startImporter(l.at, l.journal.queue, s, o.Log, l.checkFile)
	return nil
}

// Close imports everything that has been written and closes the ledger. Later writes are
// refused. The journal stays when it holds open leases, or what could not be imported. It
// may be called once.
func (l *Ledger) Close() error {
	leased, err := l.journal.close()
	errs := []error{err, l.importer.close()}
	if err := errors.Join(errs...); err == nil && !leased && l.at.path != "" {
		errs = append(errs, l.at.removeBefore(l.journal.end.segment+1))
	}
	errs = append(errs, l.db.Close(), l.lock.release())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}
