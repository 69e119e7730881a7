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
	// importAfter is how long the first entry waits for others to import with it.
	importAfter = 100 * time.Millisecond
	// retryAfter is the pause after an import that failed.
	retryAfter = time.Second
)

// importer is the one goroutine that imports the journal's entries into SQLite, many in
// one transaction. Requests do not wait for it.
type importer struct {
	at      location
	queue   *queue
	session *session
	log     *slog.Logger

	flushes chan chan error // requests to import now what has been written
	stop    chan struct{}   // closed by close: import what there is, then end
	stopped chan struct{}   // closed when the goroutine has ended
	err     error           // of the last import; read after stopped

	// checkFile returns an error when the database is not the file that was opened.
	checkFile     func() *llm.Error
	pruneRequests chan pruneRequest
	// fault is why the last import has failed; nil when it has not.
	fault atomic.Pointer[error]

	chunks []chunk
	oldest int64 // the oldest segment that has not been deleted
}

func startImporter(at location, q *queue, s *session, log *slog.Logger, checkFile func() *llm.Error) *importer {
	i := &importer{at: at, queue: q, session: s, log: log, oldest: q.end().segment, checkFile: checkFile, pruneRequests: make(chan pruneRequest),
		flushes: make(chan chan error), stop: make(chan struct{}), stopped: make(chan struct{})}
	go i.loop()
	return i
}

func (i *importer) loop() {
	defer close(i.stopped)
	due := time.NewTimer(importAfter)
	defer due.Stop()
	for {
		select {
		case <-i.queue.notify:
			if _, enough := i.queue.waiting(); !enough {
				due.Reset(importAfter)
				continue
			}
			i.err = i.importGroup()
		case <-due.C:
			i.err = i.importGroup()
		case answer := <-i.flushes:
			i.err = i.importAll()
			answer <- i.err
		case p := <-i.pruneRequests:
			rows, err := i.session.prune(p.before, p.most)
			p.done <- pruneResult{rows, err}
		case <-i.stop:
			i.err = i.importAll()
			return
		}
		i.schedule(due)
	}
}

// schedule sets the time of the next import.
func (i *importer) schedule(due *time.Timer) {
	some, enough := i.queue.waiting()
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

// importAll imports what has been written by now.
func (i *importer) importAll() error {
	for end := i.queue.end(); ; {
		if some, _ := i.queue.waiting(); !some {
			return nil
		}
		if err := i.importGroup(); err != nil {
			return err
		}
		if last := i.chunks[len(i.chunks)-1].end(); !last.before(end) {
			return nil
		}
	}
}

// importGroup imports the chunks of one transaction.
func (i *importer) importGroup() error {
	i.chunks = i.queue.group(i.chunks[:0])
	if len(i.chunks) == 0 {
		return nil
	}
	if err := i.importChunks(); err != nil {
		return err
	}
	i.queue.imported(len(i.chunks))
	if mark := i.chunks[len(i.chunks)-1].end(); mark.segment > i.oldest && i.at.removeBefore(mark.segment) == nil {
		i.oldest = mark.segment // otherwise the next group retries
	}
	for k := range i.chunks {
		i.chunks[k].frames = "" // the memory is not held until the next group
	}
	return nil
}

// importChunks imports i.chunks. A database whose file is gone gets nothing more: what
// stays in the journal is imported into the next one.
func (i *importer) importChunks() error {
	if lost := i.checkFile(); lost != nil {
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
		i.log.Error("cannot import the ledger's journal into its database; retrying", "err", err)
	case err == nil && failed:
		i.log.Info("importing the ledger's journal works again")
	}
	if err != nil {
		i.fault.Store(&err)
	} else if failed {
		i.fault.Store(nil)
	}
}

// catchUp returns once everything that has been written by now is imported.
func (i *importer) catchUp(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case i.flushes <- answer:
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

// databaseFault returns the caller's error for an error of SQLite.
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
