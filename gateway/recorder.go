package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// recorderOptions bound what a recorder keeps. The zero value works.
type recorderOptions struct {
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

// call is one recorded call into a plugin.
type call struct {
	request string
	// name says which plugin and hook.
	name string
	text []byte
}

// recorder keeps the calls of the last requests as case files, DIR/REQUEST/N-NAME.json,
// for penstock plugin replay. Add does not wait for the disk: one goroutine writes.
// It is safe for concurrent use.
type recorder struct {
	dir     string
	o       recorderOptions
	queue   chan call
	waiting atomic.Int64 // bytes in the queue
	dropped atomic.Int64
	warn    sync.Once
	done    chan struct{}

	mu     sync.RWMutex // held for writing by Close alone
	closed bool

	// The rest is the goroutine's own.
	kept  []*keptRequest // oldest first
	total int64
}

// keptRequest is a request on the disk.
type keptRequest struct {
	id    string
	calls int
	bytes int64
}

// openRecorder starts a recorder in a folder that may hold an earlier one's requests.
// The folder is made with mode 0700, since prompts stand in it. The caller closes it.
func openRecorder(dir string, o recorderOptions) (*recorder, error) {
	o.Requests, o.Bytes = cmp.Or(o.Requests, 1000), cmp.Or(o.Bytes, 64<<20)
	o.Queue, o.QueueBytes = cmp.Or(o.Queue, 1024), cmp.Or(o.QueueBytes, 16<<20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open recorder: %w", err)
	}
	r := &recorder{dir: dir, o: o, queue: make(chan call, o.Queue), done: make(chan struct{})}
	if err := r.survey(); err != nil {
		return nil, fmt.Errorf("open recorder: %w", err)
	}
	go r.work()
	return r, nil
}

// survey finds what an earlier process has left.
func (r *recorder) survey() error {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return err
	}
	ages := map[string]time.Time{}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		k, age, err := surveyRequest(filepath.Join(r.dir, e.Name()))
		if err != nil {
			return err
		}
		ages[k.id] = age
		r.kept = append(r.kept, k)
		r.total += k.bytes
	}
	slices.SortStableFunc(r.kept, func(a, b *keptRequest) int { return ages[a.id].Compare(ages[b.id]) })
	return nil
}

func surveyRequest(dir string) (*keptRequest, time.Time, error) {
	k := &keptRequest{id: filepath.Base(dir)}
	info, err := os.Stat(dir)
	if err != nil {
		return k, time.Time{}, err
	}
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if i, err := f.Info(); err == nil {
			k.bytes += i.Size()
			k.calls++
		}
	}
	return k, info.ModTime(), err
}

// Add queues a call for writing. It is dropped when the queue is full or the recorder
// closed, and when its names make no files.
func (r *recorder) Add(c call) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed || !plainName(c.request) || !plainName(c.name) {
		r.drop(c)
		return
	}
	size := int64(len(c.text))
	if r.waiting.Add(size) > r.o.QueueBytes {
		r.waiting.Add(-size)
		r.drop(c)
		return
	}
	select {
	case r.queue <- c:
	default:
		r.waiting.Add(-size)
		r.drop(c)
	}
}

// plainName reports whether a name is that of a file in a folder, and not hidden.
func plainName(name string) bool {
	return filepath.IsLocal(name) && filepath.Base(name) == name && !strings.HasPrefix(name, ".")
}

// drop counts a lost call and says so once: it would be said for every request.
func (r *recorder) drop(c call) {
	r.dropped.Add(1)
	r.warn.Do(func() {
		r.o.Log.Warn("recorded calls of plugins are dropped; this is said once", "request", c.request, "call", c.name)
	})
}

// Dropped is how many calls were not written.
func (r *recorder) Dropped() int64 { return r.dropped.Load() }

// Close writes what is queued and ends. It may be called more than once.
func (r *recorder) Close() error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
	r.mu.Unlock()
	<-r.done
	return nil
}

func (r *recorder) work() {
	defer close(r.done)
	for c := range r.queue {
		r.waiting.Add(-int64(len(c.text)))
		if err := r.write(c); err != nil {
			r.o.Log.Debug("record a call of a plugin", "request", c.request, "error", err)
			r.drop(c)
		}
	}
}

// write puts a call on the disk, once there is room for it.
func (r *recorder) write(c call) error {
	size := int64(len(c.text))
	if size > r.o.Bytes {
		return errors.New("the call is larger than everything that may be kept")
	}
	k := r.request(c.request)
	if err := r.makeRoom(k, size); err != nil {
		return err
	}
	dir := filepath.Join(r.dir, c.request)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	name := fmt.Sprintf("%05d-%s.json", k.calls+1, c.name)
	if err := os.WriteFile(filepath.Join(dir, name), c.text, 0o600); err != nil {
		return err
	}
	k.calls++
	k.bytes += size
	r.total += size
	return nil
}

// request finds a request's entry, or begins one.
func (r *recorder) request(id string) *keptRequest {
	for i := len(r.kept) - 1; i >= 0; i-- { // the calls of one request come close together
		if r.kept[i].id == id {
			return r.kept[i]
		}
	}
	k := &keptRequest{id: id}
	r.kept = append(r.kept, k)
	return k
}

// makeRoom removes the oldest requests until there is room for size more bytes. A
// request that fills everything by itself loses its own first calls.
func (r *recorder) makeRoom(k *keptRequest, size int64) error {
	for len(r.kept) > r.o.Requests || r.total+size > r.o.Bytes {
		oldest := r.kept[0]
		if err := os.RemoveAll(filepath.Join(r.dir, oldest.id)); err != nil {
			return err
		}
		r.total -= oldest.bytes
		oldest.bytes = 0
		r.kept = slices.Delete(r.kept, 0, 1)
		if oldest == k { // its numbers go on
			r.kept = append(r.kept, k)
		}
	}
	return nil
}
