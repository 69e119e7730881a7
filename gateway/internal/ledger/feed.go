package ledger

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

const (
	// groupRows and groupBytes bound what one transaction imports; a chunk is not
	// divided. So many rows waiting are imported at once.
	groupRows  = 512
	groupBytes = 4 << 20
	// maxHeld is how many bytes of entries wait in memory. What comes on top of that
	// is read from the journal again when its turn has come.
	maxHeld = 8 << 20
)

// chunk is what one write has added to the journal.
type chunk struct {
	start position
	size  int64
	rows  int
	// frames are the bytes; empty when they are to be read from the segment.
	frames string
}

func (c chunk) end() position { return position{c.start.segment, c.start.offset + c.size} }

// after is what of the chunk lies behind a mark, which is at the beginning of a frame.
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

// feed holds the chunks that wait for the importer, in the order of the journal and
// without a gap. The journal puts them in, the importer takes them out.
type feed struct {
	// backlog is how many bytes wait.
	backlog atomic.Int64
	// wake tells the importer that the first chunk has come, or that there are enough.
	wake chan struct{}

	mu     sync.Mutex
	chunks []chunk
	rows   int
	held   int
	last   position
	// spill says that there is a file to read from.
	spill bool
}

func newFeed(from position, spill bool) *feed {
	return &feed{wake: make(chan struct{}, 1), last: from, spill: spill}
}

// push adds what has been written. The bytes may be used again afterwards.
func (f *feed) push(start position, rows int, frames []byte) {
	c := chunk{start: start, size: int64(len(frames)), rows: rows}
	f.mu.Lock()
	if !f.spill || f.held+len(frames) <= maxHeld {
		c.frames = string(frames)
		f.held += len(frames)
	}
	news := len(f.chunks) == 0 || f.rows < groupRows && f.rows+rows >= groupRows
	f.chunks = append(f.chunks, c)
	f.rows += rows
	f.last = c.end()
	f.mu.Unlock()
	f.backlog.Add(c.size)
	if news {
		f.signal()
	}
}

func (f *feed) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// end is how far the journal has been written.
func (f *feed) end() position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// waiting says whether there is anything to import, and whether that is enough to
// wait no longer.
func (f *feed) waiting() (some, enough bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.chunks) > 0, f.rows >= groupRows
}

// group appends the chunks of the next transaction to list. They stay in the feed.
func (f *feed) group(list []chunk) []chunk {
	f.mu.Lock()
	defer f.mu.Unlock()
	rows, size := 0, int64(0)
	for _, c := range f.chunks {
		if rows >= groupRows || size >= groupBytes {
			break
		}
		list = append(list, c)
		rows += c.rows
		size += c.size
	}
	return list
}

// imported takes out the first n chunks.
func (f *feed) imported(n int) {
	var size int64
	f.mu.Lock()
	for _, c := range f.chunks[:n] {
		f.rows -= c.rows
		f.held -= len(c.frames)
		size += c.size
	}
	rest := copy(f.chunks, f.chunks[n:])
	clear(f.chunks[rest:])
	f.chunks = f.chunks[:rest]
	f.mu.Unlock()
	f.backlog.Add(-size)
}

// load reads the frames of those chunks that are not in memory.
func (p place) load(list []chunk) error {
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
			if file, err = p.openSegment(c.start.segment); err != nil {
				return err
			}
			opened = c.start.segment
		}
		b := make([]byte, c.size)
		if _, err := file.ReadAt(b, c.start.offset); err != nil {
			return err
		}
		if sound(b) != len(b) {
			return fmt.Errorf("%s is damaged between %d and %d", file.Name(), c.start.offset, c.end().offset)
		}
		c.frames = string(b)
	}
	return nil
}
