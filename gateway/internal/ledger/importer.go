package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/penstock/penstock/gateway/internal/llm"
)

const (
	// importAfter is how long the first entry waits for company.
	importAfter = 100 * time.Millisecond
	// retryAfter is how long a database that cannot be written is left alone.
	retryAfter = time.Second
)

// importer is the one goroutine that brings the journal's entries to SQLite, many in
// one transaction. Requests do not wait for it.
type importer struct {
	at      place
	feed    *feed
	session *session
	log     *slog.Logger

	asks    chan chan error // for what has been written to be imported now
	stop    chan struct{}   // closed by close: import what there is, then end
	stopped chan struct{}   // closed when the goroutine has ended
	err     error           // of the last import; read after stopped

	// present says what is wrong when the database is no longer the file that was opened.
	present  func() *llm.Error
	prunings chan pruning
	// fault is why the last import has failed; nil when it has not.
	fault atomic.Pointer[error]

	chunks []chunk
	oldest int64 // the oldest segment that has not been deleted
}

func startImporter(at place, f *feed, s *session, log *slog.Logger, present func() *llm.Error) *importer {
	i := &importer{at: at, feed: f, session: s, log: log, oldest: f.end().segment, present: present, prunings: make(chan pruning),
		asks: make(chan chan error), stop: make(chan struct{}), stopped: make(chan struct{})}
	go i.loop()
	return i
}

func (i *importer) loop() {
	defer close(i.stopped)
	due := time.NewTimer(importAfter)
	defer due.Stop()
	for {
		select {
		case <-i.feed.wake:
			if _, enough := i.feed.waiting(); !enough {
				due.Reset(importAfter)
				continue
			}
			i.err = i.group()
		case <-due.C:
			i.err = i.group()
		case answer := <-i.asks:
			i.err = i.all()
			answer <- i.err
		case p := <-i.prunings:
			rows, err := i.session.prune(p.before, p.most)
			p.done <- pruned{rows, err}
		case <-i.stop:
			i.err = i.all()
			return
		}
		i.again(due)
	}
}

// again sets the time of the next import.
func (i *importer) again(due *time.Timer) {
	some, enough := i.feed.waiting()
	switch {
	case !some:
		due.Stop()
	case i.err != nil:
		due.Reset(retryAfter)
	case enough:
		due.Reset(0)
	default:
		due.Reset(importAfter)
	}
}

// all imports what has been written by now.
func (i *importer) all() error {
	for end := i.feed.end(); ; {
		if some, _ := i.feed.waiting(); !some {
			return nil
		}
		if err := i.group(); err != nil {
			return err
		}
		if last := i.chunks[len(i.chunks)-1].end(); !last.before(end) {
			return nil
		}
	}
}

// group imports as many chunks as belong into one transaction.
func (i *importer) group() error {
	i.chunks = i.feed.group(i.chunks[:0])
	if len(i.chunks) == 0 {
		return nil
	}
	if err := i.bring(); err != nil {
		return err
	}
	i.feed.imported(len(i.chunks))
	if mark := i.chunks[len(i.chunks)-1].end(); mark.segment > i.oldest && i.at.removeBefore(mark.segment) == nil {
		i.oldest = mark.segment // else the next group tries again
	}
	for k := range i.chunks {
		i.chunks[k].frames = "" // the memory is not held until the next group
	}
	return nil
}

// bring imports the chunks at hand. A database whose file is gone gets nothing more: what
// stays in the journal is imported into the next one.
func (i *importer) bring() error {
	if lost := i.present(); lost != nil {
		i.report(lost)
		return lost
	}
	err := i.at.load(i.chunks)
	if err == nil {
		err = i.session.apply(i.chunks)
	}
	i.report(err)
	if err != nil {
		return databaseFault(err)
	}
	return nil
}

// report logs that importing fails, once until it succeeds again.
func (i *importer) report(err error) {
	failed := i.fault.Load() != nil
	switch {
	case err != nil && !failed:
		i.log.Error("the ledger's journal cannot be imported into its database; it is tried again", "err", err)
	case err == nil && failed:
		i.log.Info("the ledger's journal is imported again")
	}
	if err != nil {
		i.fault.Store(&err)
	} else if failed {
		i.fault.Store(nil)
	}
}

// reach returns once everything that has been written by now is imported.
func (i *importer) reach(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case i.asks <- answer:
	case <-i.stopped:
		return unavailable("it is closed", errClosed)
	case <-ctx.Done():
		return fmt.Errorf("wait for the ledger: %w", context.Cause(ctx))
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for the ledger: %w", context.Cause(ctx))
	}
}

// close imports what there is and ends the goroutine.
func (i *importer) close() error {
	close(i.stop)
	<-i.stopped
	return errors.Join(i.err, i.session.close())
}

// databaseFault makes an error of SQLite one that the caller can be told about.
func databaseFault(err error) error {
	switch resultCode(err) {
	case sqlite3.SQLITE_FULL:
		return unavailable("its disk is full", err)
	case sqlite3.SQLITE_READONLY:
		return unavailable("its disk is read-only", err)
	default:
		return unavailable("its database cannot be written", err)
	}
}
