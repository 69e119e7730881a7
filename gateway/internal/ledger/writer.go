package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	sqlite3 "modernc.org/sqlite/lib"
)

// maxGroup bounds the ops in one transaction.
const maxGroup = 256

// writer is the one goroutine that writes: it takes what is queued as soon as it is
// free and commits that as one group.
type writer struct {
	queue   chan *op
	pace    pace
	stop    chan struct{} // closed by close: write what is queued, then end
	stopped chan struct{} // closed when the goroutine has ended
	err     error         // of closing; read after stopped
	written atomic.Int64  // bytes of records since the keeper last asked
	kick    chan struct{} // tells the keeper that much has been written
}

// startWriter takes a connection for itself and begins to write.
func startWriter(ctx context.Context, db *sql.DB, run string, o Options) (*writer, error) {
	var last int64
	if err := db.QueryRowContext(ctx, "SELECT ifnull(max(seq), 0) FROM requests").Scan(&last); err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	// The keeper moves pages from the log to the file; the writer has no time for it.
	if _, err := conn.ExecContext(ctx, "PRAGMA wal_autocheckpoint = 0"); err != nil {
		conn.Close()
		return nil, err
	}
	var s *session
	err = conn.Raw(func(c any) error {
		s, err = newSession(c, run, last, o.Now)
		return err
	})
	if err != nil {
		conn.Close()
		return nil, err
	}
	w := &writer{queue: make(chan *op, o.Queue), pace: pace{linger: o.Linger},
		stop: make(chan struct{}), stopped: make(chan struct{}), kick: make(chan struct{}, 1)}
	go w.run(conn, s)
	return w, nil
}

// run owns the connection. Everything happens inside Raw, which keeps others away
// from it.
func (w *writer) run(conn *sql.Conn, s *session) {
	defer close(w.stopped)
	_ = conn.Raw(func(any) error {
		w.loop(s)
		s.close()
		return nil
	})
	w.err = conn.Close()
}

func (w *writer) loop(s *session) {
	group := make([]*op, 0, maxGroup)
	for {
		select {
		case o := <-w.queue:
			group = append(group[:0], o)
		case <-w.stop:
			w.drain(s, group[:0])
			return
		}
		w.wait(w.pace.wait(time.Now()))
		group = w.collect(group)
		w.pace.wrote(len(group), time.Now())
		w.write(s, group)
		clear(group)
	}
}

// wait lets more ops come.
func (w *writer) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.stop:
	}
}

// collect adds what is queued by now.
func (w *writer) collect(group []*op) []*op {
	for len(group) < maxGroup {
		select {
		case o := <-w.queue:
			group = append(group, o)
		default:
			return group
		}
	}
	return group
}

// drain writes what was queued before the stop.
func (w *writer) drain(s *session, group []*op) {
	for {
		group = w.collect(group[:0])
		if len(group) == 0 {
			return
		}
		w.write(s, group)
	}
}

// write commits a group and tells its callers. When one op is at fault, the others
// are not made to suffer for it.
func (w *writer) write(s *session, group []*op) {
	size, catchUp := int64(groupOverhead), false
	for _, o := range group { // once its caller has been told, an op is not ours any more
		size += int64(len(o.row.record))
		catchUp = catchUp || o.catchUp
	}
	err := s.apply(group)
	if resultCode(err) == sqlite3.SQLITE_CONSTRAINT && len(group) > 1 {
		for i := range group {
			w.write(s, group[i:i+1])
		}
		return
	}
	err = fault(err)
	for _, o := range group {
		o.done <- err
	}
	w.grown(size)
	if catchUp {
		_ = s.exec(checkpointLog) // a failure leaves the pages where they are as safe
	}
}

// groupOverhead is about what a commit adds to the log beyond the records: the pages
// of the index and the rest of the last page.
const groupOverhead = 8 << 10

// grown wakes the keeper when the log has grown enough.
func (w *writer) grown(bytes int64) {
	if w.written.Add(bytes) < checkpointEvery {
		return
	}
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// fault makes an error of the disk one that the caller can be told about.
func fault(err error) error {
	switch code := resultCode(err); {
	case err == nil:
		return nil
	case code == sqlite3.SQLITE_CONSTRAINT:
		return fmt.Errorf("the ledger has this record already: %w", err)
	case code == sqlite3.SQLITE_FULL:
		return unavailable("its disk is full", err)
	case code == sqlite3.SQLITE_READONLY:
		return unavailable("its disk is read-only", err)
	default:
		return unavailable("its database cannot be written", err)
	}
}

func unavailable(why string, err error) *llm.Error {
	return &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, RetryAfter: 5 * time.Second,
		Message: "The gateway cannot write its ledger: " + why + ".", Err: err}
}

var errClosed = errors.New("the ledger is closed")

// do queues an op and waits for its outcome. A full queue makes it wait for room.
func (w *writer) do(ctx context.Context, o *op) error {
	select {
	case <-w.stop:
		return unavailable("it is closed", errClosed)
	default:
	}
	select {
	case w.queue <- o:
	case <-w.stopped:
		return unavailable("it is closed", errClosed)
	case <-ctx.Done():
		return fmt.Errorf("wait for the ledger: %w", context.Cause(ctx))
	}
	select {
	case err := <-o.done:
		o.recycle()
		return err
	case <-w.stopped:
		return w.late(o)
	case <-ctx.Done(): // the writer still has the op: it is not recycled
		return fmt.Errorf("wait for the ledger, the record may be written or not: %w", context.Cause(ctx))
	}
}

// late finds out whether the writer got to an op before it ended.
func (w *writer) late(o *op) error {
	select {
	case err := <-o.done:
		return err
	default:
		return unavailable("it is closed", errClosed)
	}
}

// close writes what is queued and ends the goroutine.
func (w *writer) close() error {
	close(w.stop)
	<-w.stopped
	if w.err != nil {
		return fmt.Errorf("close ledger: %w", w.err)
	}
	return nil
}
