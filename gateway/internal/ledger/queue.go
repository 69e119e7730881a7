package ledger

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// groupRows and groupBytes bound what one transaction imports; a chunk is not
	// divided. When so many rows wait, they are imported without delay.
	groupRows  = 512
	groupBytes = 4 << 20
	// maxHeld bounds the bytes of entries that wait in memory. What exceeds it is read
	// from the journal when it is imported.
	maxHeld = 8 << 20
)

// chunk is what one write added to the journal.
type chunk struct {
	start position
	size  int64
	rows  int
	// since is when the oldest of its records was to be written; zero for one without records.
	since time.Time
	// frames are the bytes; empty when they must be read from the segment.
	frames string
}

func (c chunk) end() position { return position{c.start.segment, c.start.offset + c.size} }

// after returns the frames of the chunk behind a mark, which is at the start of a frame.
func (c chunk) after(mark position) string {
	switch {
	case mark.segment != c.start.segment || mark.before(c.start):
		return c.frames
	case mark.before(c.end()):
		return c.frames[mark.offset-c.start.offset:]
	default:
		return ""
	}
}

// queue holds the chunks that wait for the importer, in the order of the journal and
// without a gap. The journal adds them, the importer removes them.
type queue struct {
	// backlog is the number of bytes that wait.
	backlog atomic.Int64
	// notify gets a value when the first chunk arrives, and when there are groupRows.
	notify chan struct{}

	mu     sync.Mutex
	chunks []chunk
	rows   int
	held   int
	last   position
	// onDisk means that chunks can be read from a file again.
	onDisk bool
}

func newQueue(from position, onDisk bool) *queue {
	return &queue{notify: make(chan struct{}, 1), last: from, onDisk: onDisk}
}

// push adds a chunk. The bytes may be reused afterwards.
func (q *queue) push(start position, rows int, since time.Time, frames []byte) {
	c := chunk{start: start, size: int64(len(frames)), rows: rows, since: since}
	q.mu.Lock()
	if !q.onDisk || q.held+len(frames) <= maxHeld {
		c.frames = string(frames)
		q.held += len(frames)
	}
	notify := len(q.chunks) == 0 || q.rows < groupRows && q.rows+rows >= groupRows
	q.chunks = append(q.chunks, c)
	q.rows += rows
	q.last = c.end()
	q.mu.Unlock()
	q.backlog.Add(c.size)
	if notify {
		q.signal()
	}
}

func (q *queue) signal() {
	select {
	case q.notify <- struct{}{}:
	default:
	}
}

// end returns the end of the last chunk, which is the end of the journal.
func (q *queue) end() position {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last
}

// waiting reports whether there is anything to import, and whether that is enough to
// import it without delay.
func (q *queue) waiting() (some, enough bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.chunks) > 0, q.rows >= groupRows
}

// oldest returns since when the oldest record waits; zero when there is none. It need not be in
// the first chunk: one that could not be written at first comes behind younger ones.
func (q *queue) oldest() (since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range q.chunks {
		since = earliest(since, c.since)
	}
	return since
}

// group appends the chunks of the next transaction to list. They stay in the queue.
func (q *queue) group(list []chunk) []chunk {
	q.mu.Lock()
	defer q.mu.Unlock()
	rows, size := 0, int64(0)
	for _, c := range q.chunks {
		if rows >= groupRows || size >= groupBytes {
			break
		}
		list = append(list, c)
		rows += c.rows
		size += c.size
	}
	return list
}

// imported removes the first n chunks.
func (q *queue) imported(n int) {
	var size int64
	q.mu.Lock()
	for _, c := range q.chunks[:n] {
		q.rows -= c.rows
		q.held -= len(c.frames)
		size += c.size
	}
	rest := copy(q.chunks, q.chunks[n:])
	clear(q.chunks[rest:])
	q.chunks = q.chunks[:rest]
	q.mu.Unlock()
	q.backlog.Add(-size)
}

// load reads the frames of chunks that are not in memory.
func (at location) load(list []chunk) error {
	var file *os.File
	var opened int64
	defer func() { file.Close() }() // a nil file has nothing to close
	for i := range list {
		c := &list[i]
		if c.frames != "" || c.size == 0 {
			continue
		}
		if file == nil || opened != c.start.segment {
			file.Close()
			var err error
			if file, err = at.openSegment(c.start.segment); err != nil {
				return err
			}
			opened = c.start.segment
		}
		b := make([]byte, c.size)
		if _, err := file.ReadAt(b, c.start.offset); err != nil {
			return err
		}
		if validLen(b) != len(b) {
			return fmt.Errorf("%s is damaged between %d and %d", file.Name(), c.start.offset, c.end().offset)
		}
		c.frames = string(b)
	}
	return nil
}
