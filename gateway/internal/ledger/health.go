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

// Health is how a ledger is doing.
type Health struct {
	// Fault is why nothing can be booked at the moment; nil when it can. It may be
	// shown to callers.
	Fault *llm.Error
	// Behind is why the database lacks what the journal has; nil when it does not. What
	// has been booked is safe all the same.
	Behind error
	// Waiting is how many records wait in memory to be booked once that is possible,
	// Lost how many there was no room for since the start.
	Waiting int
	Lost    int64
}

// ErrWaits marks a record that could not be written and is kept in memory. It is booked
// when the disk has recovered, unless the process ends before.
var ErrWaits = errors.New("the record waits in memory")

// missed are the records that could not be written.
type missed struct {
	frames []byte
	rows   int
	leases []leaseChange
	lost   int64
}

// maxMissed bounds the records that wait in memory, in bytes.
const maxMissed = 8 << 20

// miss keeps a record that could not be written, and reports whether there was room.
func (j *journal) miss(frame []byte, id string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.missed.frames)+len(frame) > maxMissed {
		j.missed.lost++
		return false
	}
	j.missed.frames = append(j.missed.frames, frame...)
	j.missed.leases = append(j.missed.leases, leaseChange{lease: id})
	j.missed.rows++
	return true
}

// Health says how the ledger is doing. It is cheap.
func (l *Ledger) Health() Health {
	h := Health{Fault: l.journal.fault.Load()}
	if l.journal.backlogged() {
		h.Fault = unavailable(tooLong, errBacklog)
	}
	if lost := l.lost.Load(); lost != nil {
		h.Fault = lost
	}
	if behind := l.importer.fault.Load(); behind != nil {
		h.Behind = *behind
	}
	l.journal.mu.Lock()
	defer l.journal.mu.Unlock()
	h.Waiting, h.Lost = l.journal.missed.rows, l.journal.missed.lost
	return h
}

// Check looks whether the ledger's files are still there, and after a write that failed
// whether writing works again: then it books the records that have waited. Call it
// every second; while all is well it asks for the state of two files.
func (l *Ledger) Check(ctx context.Context) {
	l.lost.Store(l.present())
	l.journal.check(ctx)
}

// present says what is wrong when the database's file is not the one that was opened.
// What is written into a deleted file is lost with the process.
func (l *Ledger) present() *llm.Error {
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

// check begins a new segment when the file of the current one is gone, and tries again
// what could not be written.
func (j *journal) check(ctx context.Context) {
	select {
	case j.turn <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-j.turn }()
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
	b := &batch{frames: j.missed.frames, rows: j.missed.rows, leases: j.missed.leases}
	j.mu.Unlock()
	if b.rows == 0 && j.fault.Load() == nil {
		return
	}
	if b.rows == 0 {
		b.frames = probe()
	}
	if j.write(b) == nil {
		j.caughtUp(b)
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

// caughtUp forgets the missed records of a batch; others may have come since.
func (j *journal) caughtUp(b *batch) {
	if b.rows == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	m := &j.missed
	m.frames = append([]byte(nil), m.frames[len(b.frames):]...)
	m.leases = append([]leaseChange(nil), m.leases[len(b.leases):]...)
	m.rows -= b.rows
}

// probe is a frame that means nothing and is as large as a large record: a disk that
// has room for it has room for what comes next.
func probe() []byte { return appendClosing(nil, strings.Repeat(" ", 16<<10), nil) }

// Prune deletes the oldest records that were booked before a time, at most so many, and
// says how many there were. The charges to meters stay.
func (l *Ledger) Prune(ctx context.Context, before time.Time, most int) (int64, error) {
	p := pruning{before.UnixMicro(), most, make(chan pruned, 1)}
	select {
	case l.importer.prunings <- p:
	case <-l.importer.stopped:
		return 0, unavailable("it is closed", errClosed)
	case <-ctx.Done():
		return 0, fmt.Errorf("wait for the ledger: %w", context.Cause(ctx))
	}
	out := <-p.done // the importer does not wait for anybody
	return out.rows, out.err
}

// pruning asks the importer, who writes to the database, to delete records.
type pruning struct {
	before int64
	most   int
	done   chan pruned
}

// pruned is what has become of it.
type pruned struct {
	rows int64
	err  error
}

// exposed is the mode of the database's file when other users of the machine may read
// or change it; 0 when they may not.
func (p place) exposed() os.FileMode {
	info, err := os.Stat(p.path)
	if p.path == "" || err != nil || info.Mode().Perm()&0o026 == 0 {
		return 0
	}
	return info.Mode().Perm()
}
