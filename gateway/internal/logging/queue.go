// Package logging writes the gateway's log: its format, and its lines without making anybody
// wait for them. What is logged is decided elsewhere.
package logging

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
)

// New returns a logger that writes lines of JSON or text to w.
func New(w io.Writer, json bool, level slog.Leveler) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if json {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// Queue is a writer of lines that never waits: a goroutine writes them to another writer, and
// lines beyond its bound are dropped and counted. It is safe for concurrent use.
type Queue struct {
	mu      sync.RWMutex // guards closed, so that nothing is added to a closed queue
	closed  bool
	lines   chan []byte
	ended   chan struct{}
	dropped atomic.Uint64
}

var _ io.Writer = (*Queue)(nil)

// maxLines is how many lines of a Queue may wait.
const maxLines = 4096

// NewQueue starts the goroutine; Close ends it.
func NewQueue(w io.Writer) *Queue {
	q := &Queue{lines: make(chan []byte, maxLines), ended: make(chan struct{})}
	go q.run(w)
	return q
}

// Write implements io.Writer for one whole line, which it copies. It returns no error.
func (q *Queue) Write(line []byte) (int, error) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return len(line), nil
	}
	select {
	case q.lines <- append([]byte(nil), line...):
	default:
		q.dropped.Add(1)
	}
	return len(line), nil
}

// maxWrite bounds what is written at once, in bytes, unless one line is longer.
const maxWrite = 32 << 10

// run writes lines as they come. Those that wait already are written together.
func (q *Queue) run(w io.Writer) {
	defer close(q.ended)
	var buffer []byte
	lines := 0
	for line := range q.lines {
		buffer = append(buffer, line...)
		lines++
		if len(q.lines) > 0 && len(buffer) < maxWrite {
			continue
		}
		if _, err := w.Write(buffer); err != nil {
			q.dropped.Add(uint64(lines))
		}
		buffer, lines = buffer[:0], 0
	}
}

// Dropped returns how many lines were dropped.
func (q *Queue) Dropped() uint64 { return q.dropped.Load() }

// Close writes what waits and ends the goroutine. It returns when ctx ends, too: then the writer
// does not return, and neither does the goroutine.
func (q *Queue) Close(ctx context.Context) {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.lines)
	}
	q.mu.Unlock()
	select {
	case <-q.ended:
	case <-ctx.Done():
	}
}
