package pipeline

import (
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// keepAlive is the sink of a stream whose caller is sent comments while there is nothing
// else to send, so that neither it nor a proxy in between takes the connection for dead.
// A comment says nothing of the answer, so another target may still give that.
type keepAlive struct {
	w     llm.Writer
	every time.Duration
	timer *time.Timer

	mu sync.Mutex // for w and what follows
	// head is what the reply begins with if a comment is sent before there is an answer.
	head          llm.Head
	wrote         time.Time
	started, over bool
}

// keepAlive returns the sink that the reply is written to, with comments while the caller of
// a stream waits if the route says so. stop must be called.
func (x *state) keepAlive(w llm.Writer) (out sink, stop func()) {
	every := x.route.Timeout.KeepAlive
	if !x.req.Facts.Stream || every <= 0 {
		return w, func() {}
	}
	x.keepalive = newKeepAlive(w, every, x.head())
	return x.keepalive, x.keepalive.Close
}

// updateHead gives the keep-alive what the reply would begin with now.
func (x *state) updateHead() {
	if x.keepalive != nil {
		x.keepalive.setHead(x.head())
	}
}

// newKeepAlive starts the timer. Close must be called.
func newKeepAlive(w llm.Writer, every time.Duration, h llm.Head) *keepAlive {
	k := &keepAlive{w: w, every: every, head: h, wrote: time.Now()}
	k.timer = time.AfterFunc(unlimited, k.tick)
	k.timer.Reset(every) // from here on: tick reads the field
	return k
}

// tick runs when the timer fires. While an event is being written, no comment is needed.
func (k *keepAlive) tick() {
	if !k.mu.TryLock() {
		k.timer.Reset(k.every)
		return
	}
	defer k.mu.Unlock()
	if k.over {
		return
	}
	if left := k.every - time.Since(k.wrote); left > 0 {
		k.timer.Reset(left)
		return
	}
	sent, err := k.w.KeepAlive(k.head)
	k.started = k.started || sent
	k.wrote = time.Now()
	if err == nil { // else the caller is gone, which the next write reports
		k.timer.Reset(k.every)
	}
}

// setHead sets what the reply begins with from now on.
func (k *keepAlive) setHead(h llm.Head) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.head = h
}

// Start implements sink. A reply that was started by a comment keeps its first headers.
func (k *keepAlive) Start(h llm.Head) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.head = h
	if k.started {
		return nil
	}
	k.started = true
	return k.w.Start(h)
}

// Event implements sink.
func (k *keepAlive) Event(e llm.Event) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = k.over || e.Final
	if !e.Hidden {
		k.wrote = time.Now()
	}
	return k.w.Event(e)
}

// Close stops the timer. It returns once no comment is being written.
func (k *keepAlive) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	k.timer.Stop()
}
