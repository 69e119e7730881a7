package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Health is the state of a ledger.
type Health struct {
	// Fault is why nothing can be written now; nil when writing works. It may be shown to
	// callers.
	Fault *llm.Error
	// Behind is why the last import into the database failed; nil when it did not. What has
	// been acknowledged is safe in the journal.
	Behind error
	// Waiting is how many records wait in memory until they can be written, Lost how many
	// there was no room for since the start.
	Waiting int
	Lost    int64
}

// unwritten are the records that could not be written.
type unwritten struct {
	frames []byte
	rows   int
	// since is when the first of the rows was kept; zero without any.
	since  time.Time
	leases []leaseChange
	lost   int64
}

// maxUnwritten bounds the records that wait in memory, in bytes.
const maxUnwritten = 8 << 20

// keep keeps a record that could not be written, and reports whether there was room.
func (j *journal) keep(frame []byte, ends []leaseChange) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.unwritten.frames)+len(frame) > maxUnwritten {
		j.unwritten.lost++
		return false
	}
	if j.unwritten.rows == 0 {
		j.unwritten.since = j.now()
	}
	j.unwritten.frames = append(j.unwritten.frames, frame...)
	j.unwritten.leases = append(j.unwritten.leases, ends...)
	j.unwritten.rows++
	return true
}

// Health returns the state of the ledger. It is cheap.
func (l *Ledger) Health() Health {
	h := Health{Fault: l.journal.fault.Load()}
	if l.journal.backlogged() {
		h.Fault = unavailable(behindText, errBacklog)
	}
	if lost := l.fileFault.Load(); lost != nil {
		h.Fault = lost
	}
	if behind := l.importer.fault.Load(); behind != nil {
		h.Behind = *behind
	}
	l.journal.mu.Lock()
	defer l.journal.mu.Unlock()
	h.Waiting, h.Lost = l.journal.unwritten.rows, l.journal.unwritten.lost
	return h
}

// Lag returns the age of the oldest record that the database lacks, whether it waits in memory
// or in the journal; 0 when there is none.
func (l *Ledger) Lag() time.Duration {
	oldest := l.journal.oldest() // first: records go from there to the queue
	oldest = earliest(oldest, l.journal.queue.oldest())
	if oldest.IsZero() {
		return 0
	}
	return max(l.now().Sub(oldest), 0)
}

// oldest returns since when the oldest record waits that is not in the journal yet; zero when
// there is none.
func (j *journal) oldest() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return earliest(j.unwritten.since, earliest(j.writing, j.next.since))
}

// earliest returns the earlier of two times of which zero means none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Check checks whether the ledger's files are still there, and after a write that failed
// whether writing works again: then it writes the records that wait. Call it every second;
// without faults it costs two calls of stat.
func (l *Ledger) Check(ctx context.Context) {
	l.fileFault.Store(l.checkFile())
	l.journal.check(ctx)
}

// checkFile returns an error when the database's file is not the one that was opened. What
// is written into a deleted file is lost with the process.
func (l *Ledger) checkFile() *llm.Error {
	if l.at.path == "" {
		return nil
	}
	info, err := os.Stat(l.at.path)
	if err == nil && os.SameFile(info, l.file) && info.Size() > 0 { // an open database never shrinks to nothing
		return nil
	}
	switch {
	case err == nil && info.Size() == 0:
		err = fmt.Errorf("%s has been emptied", l.at.path)
	case err == nil:
		err = fmt.Errorf("%s is another file now", l.at.path)
	}
	return unavailable("its database was deleted, replaced or emptied while it was open; put it back, or restart Penstock to begin a new one", err)
}

// check begins a new segment when the file of the current one is gone, and writes again
// what could not be written.
func (j *journal) check(ctx context.Context) {
	select {
	case j.writer <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-j.writer }()
	if j.file == nil {
		return
	}
	if j.gone() {
		if err := j.rotate(); err != nil {
			j.fault.Store(diskFault(err))
			return
		}
	}
	j.mu.Lock()
	b := &batch{frames: j.unwritten.frames, rows: j.unwritten.rows, since: j.unwritten.since, leases: j.unwritten.leases}
	began := j.now()
	j.mu.Unlock()
	if b.rows == 0 && j.fault.Load() == nil {
		return
	}
	if b.rows == 0 {
		b.frames = probe()
	}
	if j.write(b) == nil {
		j.dropWritten(b, began)
	}
}

// gone reports whether the segment's file has been deleted or replaced.
func (j *journal) gone() bool {
	here, err := os.Stat(j.at.segment(j.end.segment))
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	mine, err := j.file.Stat()
	return err == nil && !os.SameFile(here, mine)
}

// dropWritten drops the records of a batch that has been written; others may have come since
// it began to be.
func (j *journal) dropWritten(b *batch, began time.Time) {
	if b.rows == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	u := &j.unwritten
	u.frames = append([]byte(nil), u.frames[len(b.frames):]...)
	u.leases = append([]leaseChange(nil), u.leases[len(b.leases):]...)
	u.rows -= b.rows
	u.since = time.Time{}
	if u.rows > 0 {
		u.since = began
	}
}

// probe returns a frame without a meaning of the size of a large record: a disk with room
// for it has room for what comes next.
func probe() []byte { return appendEnd(nil, strings.Repeat(" ", 16<<10), nil) }

// exposedMode returns the mode of the database's file when other users of the machine may
// read or change it; 0 when they may not.
func (at location) exposedMode() os.FileMode {
	info, err := os.Stat(at.path)
	if at.path == "" || err != nil || info.Mode().Perm()&0o026 == 0 {
		return 0
	}
	return info.Mode().Perm()
}
