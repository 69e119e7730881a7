package ledger

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// journal is the append-only file that acknowledges writes: what is in it survives the end
// of the process. Callers that arrive during a write share the next one.
type journal struct {
	at    location
	queue *queue
	// maxSegment and maxBacklog are in bytes.
	maxSegment, maxBacklog int64
	now                    func() time.Time

	// sync writes a file, or the names in a folder, to the disk; nil where nobody waits for
	// that.
	sync func(*os.File) error

	// fault is why the last write failed; nil when it did not.
	fault atomic.Pointer[llm.Error]

	mu        sync.Mutex
	unwritten unwritten // records of writes that failed
	next      *batch    // what will be written next
	writing   time.Time // since when the oldest record of the batch that is being written waits
	spare     []byte    // memory for the batch after that
	closed    bool

	// writer is a lock, held by the caller that writes. It guards what follows.
	writer chan struct{}
	file   *os.File // nil in memory
	end    position
	// open are the frames of the open leases: the one that opened it and the last that
	// extended it.
	open map[string]string
}

// batch is what one write writes to the file.
type batch struct {
	frames []byte
	rows   int
	// since is when the first of the rows was added; zero without any.
	since time.Time
	// leases are the changes of leases, in order.
	leases []leaseChange
	// written is set and done closed once err is the result. The writer's lock guards
	// written.
	written bool
	done    chan struct{}
	err     error
}

// leaseChange is a lease that begins with a frame or is extended by it, or that ends
// without one.
type leaseChange struct {
	lease, frame string
	extends      bool
}

// apply applies a change to the open leases.
func (c leaseChange) apply(open map[string]string) {
	switch {
	case c.extends:
		extend(open, c.lease, c.frame)
	case c.frame != "":
		open[c.lease] = c.frame
	default:
		delete(open, c.lease)
	}
}

// extend puts the frame that extends a lease behind the one that opened it. A lease that
// is not open has ended meanwhile.
func extend(open map[string]string, lease, frame string) {
	if frames := open[lease]; frames != "" {
		_, rest := splitFrame(frames)
		open[lease] = frames[:len(frames)-len(rest)] + frame
	}
}

// maxSpare bounds the memory of a batch that is kept for the next, in bytes.
const maxSpare = 1 << 20

// startJournal begins a new segment with the open leases.
func startJournal(at location, segment int64, open map[string]string, o Options) (*journal, error) {
	j := &journal{at: at, maxSegment: o.MaxSegment, maxBacklog: o.MaxBacklog, now: o.Now,
		next: newBatch(nil), writer: make(chan struct{}, 1), end: position{segment: segment}, open: open}
	if o.Sync {
		j.sync = (*os.File).Sync
	}
	if at.path != "" {
		file, size, err := j.create(segment, j.openFrames())
		if err != nil {
			return nil, err
		}
		j.file, j.end.offset = file, size
	}
	j.queue = newQueue(j.end, j.file != nil)
	return j, nil
}

func newBatch(memory []byte) *batch {
	return &batch{frames: memory[:0], done: make(chan struct{})}
}

// append returns once the frame is in the file. changes are the leases that begin and end
// with it.
//
// Group commit: the first caller writes immediately; callers that arrive during a write
// share the next one, which one of them writes for all.
//
// When ctx ends first, the frame may be written later or not.
func (j *journal) append(ctx context.Context, frame []byte, rows int, changes ...leaseChange) error {
	b, err := j.add(frame, rows, changes)
	if err != nil {
		return err
	}
	select {
	case j.writer <- struct{}{}:
	default:
		select {
		case j.writer <- struct{}{}:
		case <-b.done:
			return b.err
		case <-ctx.Done():
			return fmt.Errorf("wait for the ledger, the record may be written or not: %w", context.Cause(ctx))
		}
	}
	if !b.written {
		j.flush()
	}
	<-j.writer
	return b.err
}

// add puts a frame into the next batch.
func (j *journal) add(frame []byte, rows int, changes []leaseChange) (*batch, error) {
	if j.backlogged() {
		return nil, unavailable(behindText, errBacklog)
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
	if rows > 0 && b.rows == 0 {
		b.since = j.now()
	}
	b.frames = append(b.frames, frame...)
	b.rows += rows
	b.leases = append(b.leases, changes...)
	return b, nil
}

// behindText is the reason for refusing writes to a journal that is not imported.
const behindText = "its database has not accepted anything for too long"

// backlogged reports whether more than maxBacklog waits for import.
func (j *journal) backlogged() bool { return j.queue.backlog.Load() > j.maxBacklog }

// flush writes the next batch and wakes the callers that wait for it. The caller holds the
// writer's lock.
func (j *journal) flush() {
	j.mu.Lock()
	b := j.next
	j.next, j.spare = newBatch(j.spare), nil
	j.writing = b.since
	j.mu.Unlock()
	b.err = j.write(b)
	b.written = true
	close(b.done)
	j.mu.Lock()
	j.writing = time.Time{}
	if cap(b.frames) <= maxSpare {
		j.spare = b.frames
	}
	j.mu.Unlock()
	b.frames = nil
}

// write writes all of a batch or nothing.
func (j *journal) write(b *batch) error {
	if j.file != nil {
		if j.end.offset >= j.maxSegment {
			_ = j.rotate() // else the old segment is used on
		}
		if err := j.put(j.file, b.frames, j.end.offset); err != nil {
			_ = j.file.Truncate(j.end.offset) // else the next write overwrites it
			fault := diskFault(err)
			j.fault.Store(fault)
			return fault
		}
	}
	if j.fault.Load() != nil { // the common case writes no shared memory
		j.fault.Store(nil)
	}
	for _, c := range b.leases {
		c.apply(j.open)
	}
	j.queue.push(j.end, b.rows, b.since, b.frames)
	j.end.offset += int64(len(b.frames))
	return nil
}

// put writes frames to a file, and waits until they are on the disk if that is asked for.
func (j *journal) put(file *os.File, frames []byte, at int64) error {
	if _, err := file.WriteAt(frames, at); err != nil {
		return err
	}
	if j.sync == nil {
		return nil
	}
	return j.sync(file)
}

// rotate begins a new segment with the open leases, so that the one before can be deleted
// once it is imported. When it fails, nothing has changed.
func (j *journal) rotate() error {
	next := position{segment: j.end.segment + 1}
	open := j.openFrames()
	file, size, err := j.create(next.segment, open)
	if err != nil {
		return err
	}
	_ = j.file.Close() // everything in it has been written
	j.queue.push(next, 0, time.Time{}, open)
	j.file, j.end = file, position{next.segment, size}
	return nil
}

func (j *journal) openFrames() []byte {
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
	err = j.put(file, frames, 0)
	if err == nil {
		err = j.putName()
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	return file, int64(len(frames)), nil
}

// putName waits until the name of a new segment is on the disk, if that is asked for.
func (j *journal) putName() error {
	if j.sync == nil {
		return nil
	}
	dir, err := os.Open(filepath.Dir(j.at.path))
	if err != nil {
		return err
	}
	return errors.Join(j.sync(dir), dir.Close())
}

// close refuses further entries, writes what waits and closes the file. It reports whether
// leases are open.
func (j *journal) close() (leased bool, err error) {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.writer <- struct{}{} // never released: there are no more writes
	if len(j.next.frames) > 0 {
		j.flush()
	}
	if j.file != nil {
		err = j.file.Close()
	}
	return len(j.open) > 0, err
}

// discard closes the file of a journal that was not used; a nil journal has none.
func (j *journal) discard() error {
	if j == nil || j.file == nil {
		return nil
	}
	return j.file.Close()
}

var (
	errClosed  = errors.New("the ledger is closed")
	errBacklog = errors.New("the journal has reached its maximum length")
)

// diskFault returns the caller's error for an error of the disk.
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
