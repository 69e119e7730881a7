package ledger

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// journal is the append-only file that acknowledges: what it has taken survives the
// death of the process. Callers that come while a write is under way share the next
// one.
type journal struct {
	at   place
	feed *feed
	// maxSegment and maxBacklog are in bytes.
	maxSegment, maxBacklog int64

	// fault is why the last write has failed; nil when it has not.
	fault atomic.Pointer[llm.Error]

	mu     sync.Mutex
	missed missed // what writes that failed should have written
	next   *batch // what will be written next
	spare  []byte // memory for the batch after that
	closed bool

	// turn is held by the caller who writes. It guards what follows.
	turn chan struct{}
	file *os.File // nil in memory
	end  position
	// open are the frames of the leases that have begun and not ended: the one that
	// opened it and the last that extended it.
	open map[string]string
}

// batch is what one write takes to the file.
type batch struct {
	frames []byte
	rows   int
	// leases are what becomes of leases, in the order of changes.
	leases []leaseChange
	// over is set and done closed once err is the outcome; over belongs to the turn.
	over bool
	done chan struct{}
	err  error
}

// leaseChange is a lease that begins with a frame or is extended by it, or that ends
// without one.
type leaseChange struct {
	lease, frame string
	extends      bool
}

// note applies a change to the leases that are open.
func (c leaseChange) note(open map[string]string) {
	switch {
	case c.extends:
		extend(open, c.lease, c.frame)
	case c.frame != "":
		open[c.lease] = c.frame
	default:
		delete(open, c.lease)
	}
}

// extend puts the frame that extends a lease behind the one that opened it. A lease
// that is not open has ended in the meantime.
func extend(open map[string]string, lease, frame string) {
	if frames := open[lease]; frames != "" {
		_, rest := cut(frames)
		open[lease] = frames[:len(frames)-len(rest)] + frame
	}
}

// maxSpare bounds what a batch's memory may be kept for the next, in bytes.
const maxSpare = 1 << 20

// startJournal begins a new segment with the leases that are open.
func startJournal(at place, segment int64, open map[string]string, o Options) (*journal, error) {
	j := &journal{at: at, maxSegment: o.MaxSegment, maxBacklog: o.MaxBacklog,
		next: newBatch(nil), turn: make(chan struct{}, 1), end: position{segment: segment}, open: open}
	if at.path != "" {
		file, size, err := j.create(segment, j.restated())
		if err != nil {
			return nil, err
		}
		j.file, j.end.offset = file, size
	}
	j.feed = newFeed(j.end, j.file != nil)
	return j, nil
}

func newBatch(memory []byte) *batch {
	return &batch{frames: memory[:0], done: make(chan struct{})}
}

// append returns once the frame is in the file. Who finds nobody writing writes at
// once; who finds somebody writing waits for the turn, and writes for all that have
// come meanwhile unless one of them has been faster. changes say which leases begin
// and end with it.
//
// When ctx ends first, the frame may be written later or not.
func (j *journal) append(ctx context.Context, frame []byte, rows int, changes ...leaseChange) error {
	b, err := j.add(frame, rows, changes)
	if err != nil {
		return err
	}
	select {
	case j.turn <- struct{}{}:
	default:
		select {
		case j.turn <- struct{}{}:
		case <-b.done:
			return b.err
		case <-ctx.Done():
			return fmt.Errorf("wait for the ledger, the record may be written or not: %w", context.Cause(ctx))
		}
	}
	if !b.over {
		j.flush()
	}
	<-j.turn
	return b.err
}

// add puts a frame into the next batch.
func (j *journal) add(frame []byte, rows int, changes []leaseChange) (*batch, error) {
	if j.backlogged() {
		return nil, unavailable(tooLong, errBacklog)
	}
	if len(frame) > maxPayload {
		return nil, fmt.Errorf("a record of %d bytes is too large for the ledger", len(frame))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, unavailable("it is closed", errClosed)
	}
	b := j.next
	b.frames = append(b.frames, frame...)
	b.rows += rows
	b.leases = append(b.leases, changes...)
	return b, nil
}

// tooLong says why nothing is written into a journal that nobody imports.
const tooLong = "its database has not taken anything for too long"

// backlogged reports whether more waits to be imported than may.
func (j *journal) backlogged() bool { return j.feed.backlog.Load() > j.maxBacklog }

// flush writes the next batch and tells those who wait for it. It needs the turn.
func (j *journal) flush() {
	j.mu.Lock()
	b := j.next
	j.next, j.spare = newBatch(j.spare), nil
	j.mu.Unlock()
	b.err = j.write(b)
	b.over = true
	close(b.done)
	if cap(b.frames) <= maxSpare {
		j.mu.Lock()
		j.spare = b.frames
		j.mu.Unlock()
	}
	b.frames = nil
}

// write does all of a batch or nothing of it.
func (j *journal) write(b *batch) error {
	if j.file != nil {
		if j.end.offset >= j.maxSegment {
			_ = j.rotate() // the old one is written on
		}
		if _, err := j.file.WriteAt(b.frames, j.end.offset); err != nil {
			_ = j.file.Truncate(j.end.offset) // or else the next write goes over it
			fault := diskFault(err)
			j.fault.Store(fault)
			return fault
		}
	}
	if j.fault.Load() != nil { // mostly there is none, and nothing to write to memory
		j.fault.Store(nil)
	}
	for _, c := range b.leases {
		c.note(j.open)
	}
	j.feed.push(j.end, b.rows, b.frames)
	j.end.offset += int64(len(b.frames))
	return nil
}

// rotate begins a new segment with the leases that are open, so that the one before
// can go once it is imported. When that fails, nothing has changed.
func (j *journal) rotate() error {
	next := position{segment: j.end.segment + 1}
	restated := j.restated()
	file, size, err := j.create(next.segment, restated)
	if err != nil {
		return err
	}
	_ = j.file.Close() // everything in it has been written
	j.feed.push(next, 0, restated)
	j.file, j.end = file, position{next.segment, size}
	return nil
}

func (j *journal) restated() []byte {
	var b []byte
	for _, frame := range j.open {
		b = append(b, frame...)
	}
	return b
}

// create makes a segment that holds the frames.
func (j *journal) create(n int64, frames []byte) (*os.File, int64, error) {
	file, err := j.at.createSegment(n)
	if err != nil {
		return nil, 0, err
	}
	if _, err := file.WriteAt(frames, 0); err != nil {
		return nil, 0, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	return file, int64(len(frames)), nil
}

// close refuses further entries, writes what waits and closes the file. It reports
// whether leases are open.
func (j *journal) close() (leased bool, err error) {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.turn <- struct{}{} // never given back: nobody writes any more
	if len(j.next.frames) > 0 {
		j.flush()
	}
	if j.file != nil {
		err = j.file.Close()
	}
	return len(j.open) > 0, err
}

// abandon closes the file of a journal that is not used after all; nil has none.
func (j *journal) abandon() error {
	if j == nil || j.file == nil {
		return nil
	}
	return j.file.Close()
}

var (
	errClosed  = errors.New("the ledger is closed")
	errBacklog = errors.New("the journal is as long as it may be")
)

// diskFault makes an error of the disk one that the caller can be told about.
func diskFault(err error) *llm.Error {
	full := []error{syscall.ENOSPC, syscall.EDQUOT}
	switch {
	case slices.ContainsFunc(full, func(e error) bool { return errors.Is(err, e) }):
		return unavailable("its disk is full", err)
	case errors.Is(err, syscall.EROFS):
		return unavailable("its disk is read-only", err)
	default:
		return unavailable("its journal cannot be written", err)
	}
}

func unavailable(why string, err error) *llm.Error {
	return &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, RetryAfter: 5 * time.Second,
		Message: "The gateway cannot write its ledger: " + why + ".", Err: err}
}
