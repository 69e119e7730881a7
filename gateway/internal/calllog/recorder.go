package calllog

import (
	"cmp"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Options bound what a recorder keeps. The zero value works.
type Options struct {
	// Requests and Bytes bound what is on disk; the oldest requests are removed first.
	// Zero means 1,000 requests and 64 MiB.
	Requests int
	Bytes    int64
	// Queue and QueueBytes bound what waits to be written; calls beyond that are dropped.
	// Zero means 1,024 calls and 16 MiB.
	Queue      int
	QueueBytes int64
	// Log gets a warning when the first call is dropped. Nil discards it.
	Log *slog.Logger
}

// Recorder records the calls of plugins as files DIR/REQUEST/NUMBER-PLUGIN-HOOK.json. One
// goroutine writes them, so that no request waits for the disk. It is safe for concurrent
// use.
type Recorder struct {
	o       Options
	folder  folder
	queue   chan entry
	waiting atomic.Int64 // bytes in the queue
	dropped atomic.Int64
	warn    sync.Once
	done    chan struct{}

	mu     sync.RWMutex // Close alone locks it for writing
	closed bool
}

// entry is a call, or the id of a request that has ended.
type entry struct {
	call  wasm.Recorded
	ended string
}

// size returns about how much memory an entry takes, in bytes.
func (e *entry) size() int64 { return int64(len(e.call.Input) + len(e.call.Output)) }

// Open starts a recorder in a folder, which may hold requests of an earlier process. It
// creates the folder with mode 0700, since calls contain prompts. The caller closes the
// recorder.
func Open(dir string, o Options) (*Recorder, error) {
	o.Queue, o.QueueBytes = cmp.Or(o.Queue, 1024), cmp.Or(o.QueueBytes, 16<<20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Recorder{o: o, queue: make(chan entry, o.Queue), done: make(chan struct{}),
		folder: folder{dir: dir, maxRequests: cmp.Or(o.Requests, 1000), maxBytes: cmp.Or(o.Bytes, 64<<20)}}
	if err := r.folder.open(); err != nil {
		return nil, fmt.Errorf("open recorder: %w", err)
	}
	go r.writeQueue()
	return r, nil
}

// Record queues a call, as wasm.Spec.Record wants it. It drops the call if the queue is
// full or the recorder closed, and ignores calls outside of requests, such as the check of
// a router's settings.
func (r *Recorder) Record(c wasm.Recorded) {
	if c.Seed != hook.SeedOf("") {
		r.add(entry{call: c})
	}
}

// Finish names the folder of a request that has ended by its id. Calls know only the seed
// of their request.
func (r *Recorder) Finish(requestID string) { r.add(entry{ended: requestID}) }

func (r *Recorder) add(e entry) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.waiting.Add(e.size()) > r.o.QueueBytes || r.closed {
		r.drop(&e)
		return
	}
	select {
	case r.queue <- e:
	default:
		r.drop(&e)
	}
}

// drop drops an entry. It logs only the first, since the others would follow with every
// request.
func (r *Recorder) drop(e *entry) {
	r.waiting.Add(-e.size())
	r.dropped.Add(1)
	r.warn.Do(func() {
		r.o.Log.Warn("recorded calls of plugins are dropped; this is logged once", "plugin", e.call.Module)
	})
}

// Close writes what is queued and stops. It may be called more than once.
func (r *Recorder) Close() {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
	r.mu.Unlock()
	<-r.done
}

func (r *Recorder) writeQueue() {
	defer close(r.done)
	for e := range r.queue {
		var err error
		if e.ended != "" {
			err = r.folder.rename(e.ended)
		} else {
			err = r.folder.write(e.call)
		}
		if err != nil {
			r.o.Log.Debug("record a call of a plugin", "error", err)
			r.drop(&e)
			continue
		}
		r.waiting.Add(-e.size())
	}
}
