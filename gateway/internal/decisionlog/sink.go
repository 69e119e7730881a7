package decisionlog

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Output writes lines somewhere.
type Output interface {
	// Name is the sink's name in metrics, such as "file".
	Name() string
	// Batch bounds what Write gets at once.
	Batch() Batch
	// Write writes lines in order, and returns how many could not be written, and why: a
	// reason for metrics. It may wait, until ctx ends. Its argument is only valid until it
	// returns.
	Write(ctx context.Context, lines []Line) (dropped int, reason string, err error)
	// Close is called once, after the last Write.
	Close() error
}

// Batch bounds what is written at once.
type Batch struct {
	// Lines and Bytes are the most that one has. A longer line is a batch of its own.
	Lines, Bytes int
	// Linger is how long one that is not full waits for more lines; 0 means not at all.
	Linger time.Duration
}

// Reasons for which lines are dropped.
const (
	reasonQueueFull  = "queue_full"
	reasonClosed     = "closed"
	reasonNotEncoded = "not_encoded"
	reasonNotWritten = "write_failed"
	reasonRefused    = "refused"
	reasonGivenUp    = "unreachable"
	reasonShutdown   = "shutdown"
)

// reasons returns all reasons, in the order of the metric.
func reasons() []string {
	return []string{reasonQueueFull, reasonClosed, reasonNotEncoded, reasonNotWritten, reasonRefused, reasonGivenUp, reasonShutdown}
}

// maxQueueBytes bounds the bytes of the lines that wait for one sink.
const maxQueueBytes = 16 << 20

// sink is an output with the queue in front of it and the goroutine that writes.
type sink struct {
	out      Output
	maxLines int

	mu      sync.Mutex
	waiting []Line
	bytes   int
	closed  bool
	dropped map[string]uint64
	err     error // of the last batch
	// more has a value when lines wait or the sink was closed.
	more  chan struct{}
	ended chan struct{}
	// stop ends the wait of a Write.
	ctx  context.Context
	stop context.CancelFunc
}

func startSink(out Output, maxLines int) *sink {
	s := &sink{out: out, maxLines: maxLines, dropped: map[string]uint64{}, more: make(chan struct{}, 1), ended: make(chan struct{})}
	s.ctx, s.stop = context.WithCancel(context.Background())
	go s.run()
	return s
}

func (s *sink) drop(reason string, lines int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped[reason] += uint64(lines)
}

func (s *sink) drops() (all []Drops) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, reason := range reasons() {
		all = append(all, Drops{s.out.Name(), reason, s.dropped[reason]})
	}
	return all
}

// add queues a line, or drops it when too many wait.
func (s *sink) add(line Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) >= s.maxLines || s.bytes+len(line.JSON) > maxQueueBytes {
		s.dropped[reasonQueueFull]++
		return
	}
	s.waiting = append(s.waiting, line)
	s.bytes += len(line.JSON)
	s.signal()
}

// signal wakes the goroutine that writes.
func (s *sink) signal() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// wait waits for a batch; false says that there is none and will be none.
func (s *sink) wait() bool {
	for {
		switch lines, closed := s.state(); {
		case lines > 0:
			s.linger()
			return true
		case closed:
			return false
		}
		<-s.more
	}
}

func (s *sink) state() (lines int, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting), s.closed
}

// linger waits until a batch is full, its time is over or the sink is closed.
func (s *sink) linger() {
	b := s.out.Batch()
	if b.Linger == 0 {
		return
	}
	over := time.NewTimer(b.Linger)
	defer over.Stop()
	for !s.full(b) {
		select {
		case <-s.more:
		case <-over.C:
			return
		}
	}
}

// full reports whether a batch need not wait for more lines.
func (s *sink) full(b Batch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || len(s.waiting) >= b.Lines || s.bytes >= b.Bytes
}

// next takes a batch from the queue.
func (s *sink) next() (batch []Line) {
	b := s.out.Batch()
	s.mu.Lock()
	defer s.mu.Unlock()
	n, size := 0, 0
	for n < min(len(s.waiting), b.Lines) && (n == 0 || size+len(s.waiting[n].JSON) <= b.Bytes) {
		size += len(s.waiting[n].JSON)
		n++
	}
	batch = append(batch, s.waiting[:n]...)
	rest := copy(s.waiting, s.waiting[n:])
	clear(s.waiting[rest:])
	s.waiting, s.bytes = s.waiting[:rest], s.bytes-size
	return batch
}

func (s *sink) run() {
	defer close(s.ended)
	for s.wait() {
		dropped, reason, err := s.out.Write(s.ctx, s.next())
		s.mu.Lock()
		s.err = err
		if dropped > 0 {
			s.dropped[reason] += uint64(dropped)
		}
		s.mu.Unlock()
	}
}

// close writes what waits, until ctx ends, and closes the output.
func (s *sink) close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.signal()
	s.mu.Unlock()
	select {
	case <-s.ended:
	case <-ctx.Done():
		s.stop() // every Write fails from now on, so the queue empties at once
		<-s.ended
	}
	s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !first {
		return s.err
	}
	if err := s.out.Close(); err != nil && s.err == nil {
		s.err = err
	}
	if s.err != nil {
		var lines uint64
		for _, n := range s.dropped {
			lines += n
		}
		s.err = fmt.Errorf("decision log %s: %w (%d lines are missing)", s.out.Name(), s.err, lines)
	}
	return s.err
}
