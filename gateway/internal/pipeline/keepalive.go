package pipeline

import (
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// keepAlive is the sink of a stream whose caller hears something while there is
// nothing to send: neither it nor a proxy in between takes the connection for dead. It
// says nothing of the answer, so another target may still give that.
type keepAlive struct {
	w     Writer
	every time.Duration
	timer *time.Timer

	mu sync.Mutex // for w and what follows
	// head is what the reply begins with if it has to begin before there is an answer.
	head          llm.Head
	wrote         time.Time
	started, over bool
}

// newKeepAlive starts the timer. Close must be called.
func newKeepAlive(w Writer, every time.Duration, h llm.Head) *keepAlive {
	k := &keepAlive{w: w, every: every, head: h, wrote: time.Now()}
	k.timer = time.AfterFunc(unlimited, k.tick)
	k.timer.Reset(every) // from here on: tick reads the field
	return k
}

// tick runs when the timer fires. Somebody who is writing needs no help.
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
	if err == nil { // else the caller is gone, as the next write will tell
		k.timer.Reset(k.every)
	}
}

// expect sets what the reply begins with from now on.
func (k *keepAlive) expect(h llm.Head) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.head = h
}

// Start implements sink. A reply that has begun keeps the headers it began with.
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

// Close stops the timer and returns when nothing is being written any more.
func (k *keepAlive) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	k.timer.Stop()
}
