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
	// Requests and Bytes bound what lies on the disk: the oldest requests go first.
	// Zero means 1,000 requests and 64 MiB.
	Requests int
	Bytes    int64
	// Queue and QueueBytes bound what waits to be written; what comes beyond them is
	// dropped. Zero means 1,024 calls and 16 MiB.
	Queue      int
	QueueBytes int64
	// Log hears of the first call that is dropped. Nil means nowhere.
	Log *slog.Logger
}

// Recorder keeps the calls of plugins during the last requests as case files,
// DIR/REQUEST/NUMBER-PLUGIN-HOOK.json, for penstock plugin replay. Nobody waits for the
// disk: one goroutine writes. It is safe for concurrent use.
type Recorder struct {
	o       Options
	log     folder
	queue   chan note
	waiting atomic.Int64 // bytes in the queue
	dropped atomic.Int64
	warn    sync.Once
	done    chan struct{}

	mu     sync.RWMutex // held for writing by Close alone
	closed bool
}

// note is a call that was made or, without a module's name, a request that is over.
type note struct {
	call wasm.Recorded
	over string
}

// size is about what a note takes, in bytes.
func (n *note) size() int64 { return int64(len(n.call.Input) + len(n.call.Output)) }

// Open starts a recorder in a folder that may hold an earlier one's requests.
// The folder is made with mode 0700, since prompts stand in it. The caller closes it.
func Open(dir string, o Options) (*Recorder, error) {
	o.Queue, o.QueueBytes = cmp.Or(o.Queue, 1024), cmp.Or(o.QueueBytes, 16<<20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Recorder{o: o, queue: make(chan note, o.Queue), done: make(chan struct{}),
		log: folder{dir: dir, requests: cmp.Or(o.Requests, 1000), bytes: cmp.Or(o.Bytes, 64<<20)}}
	if err := r.log.open(); err != nil {
		return nil, fmt.Errorf("open recorder: %w", err)
	}
	go r.work()
	return r, nil
}

// Record queues a call for writing; it is what wasm.Spec.Record wants. The call is
// dropped when the queue is full or the recorder closed. One that belongs to no request,
// such as the check of a router's settings, is not kept.
func (r *Recorder) Record(c wasm.Recorded) {
	if c.Seed != hook.SeedOf("") {
		r.add(note{call: c})
	}
}

// Finish says that a request is over. Its calls, which know only the request's seed, are
// then found by its id.
func (r *Recorder) Finish(requestID string) { r.add(note{over: requestID}) }

func (r *Recorder) add(n note) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	size := n.size()
	if r.waiting.Add(size) > r.o.QueueBytes || r.closed {
		r.drop(&n)
		return
	}
	select {
	case r.queue <- n:
	default:
		r.drop(&n)
	}
}

// drop forgets a note and says so once: it would be said for every request.
func (r *Recorder) drop(n *note) {
	r.waiting.Add(-n.size())
	r.dropped.Add(1)
	r.warn.Do(func() {
		r.o.Log.Warn("recorded calls of plugins are dropped; this is said once", "plugin", n.call.Module)
	})
}

// Dropped is how many calls were not written.
func (r *Recorder) Dropped() int64 { return r.dropped.Load() }

// Close writes what is queued and ends. It may be called more than once.
func (r *Recorder) Close() {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
	r.mu.Unlock()
	<-r.done
}

func (r *Recorder) work() {
	defer close(r.done)
	for n := range r.queue {
		var err error
		if n.over != "" {
			err = r.log.name(n.over)
		} else {
			err = r.log.write(n.call)
		}
		if err != nil {
			r.o.Log.Debug("record a call of a plugin", "error", err)
			r.drop(&n)
			continue
		}
		r.waiting.Add(-n.size())
	}
}
