package remote

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

const (
	// maxWaiting and maxWaitingBytes bound what waits to be written.
	maxWaiting      = 1024
	maxWaitingBytes = 32 << 20
	// writeTime bounds a write.
	writeTime = 2 * time.Second
)

// write is a value to be put, or one to be removed if it has no text.
type write struct {
	name  string
	value []byte
	ttl   time.Duration
}

// writes are the writes that wait.
type writes struct {
	queue   chan write
	bytes   atomic.Int64
	dropped atomic.Int64

	mu     sync.RWMutex // for closed, and for sending to queue
	closed bool
	// written is closed when the queue is empty after it was closed.
	written chan struct{}
}

func (w *writes) init() {
	w.queue, w.written = make(chan write, maxWaiting), make(chan struct{})
}

// add queues a write, or drops it when too many wait.
func (w *writes) add(one write) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	size := int64(len(one.value))
	if w.closed || w.bytes.Add(size) > maxWaitingBytes {
		w.drop(size)
		return
	}
	select {
	case w.queue <- one:
	default:
		w.drop(size)
	}
}

func (w *writes) drop(size int64) {
	w.bytes.Add(-size)
	w.dropped.Add(1)
}

// close takes no more writes and waits until those that are queued are made, for at most the
// given time.
func (w *writes) close(most time.Duration) {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-w.written:
	case <-timer.C:
	}
}

// write makes the writes one after the other; the client sends those of all goroutines in one
// pipeline.
func (s *Store) write(ctx context.Context) {
	defer close(s.writes.written)
	for one := range s.writes.queue {
		s.writes.bytes.Add(-int64(len(one.value)))
		client, ok := s.link.use()
		if !ok || ctx.Err() != nil {
			s.writes.dropped.Add(1)
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, writeTime)
		err := client.Do(ctx, command(client, one)).Error()
		cancel()
		if err != nil {
			s.writes.dropped.Add(1)
			s.link.failed(err)
		}
	}
}

func command(client rueidis.Client, w write) rueidis.Completed {
	if w.value == nil {
		return client.B().Unlink().Key(w.name).Build()
	}
	return client.B().Set().Key(w.name).Value(rueidis.BinaryString(w.value)).Px(w.ttl).Build()
}
