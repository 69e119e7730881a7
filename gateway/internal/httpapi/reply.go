package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// reply is the Writer of one exchange. A plain reply's headers wait for its event,
// whose length they tell.
type reply struct {
	x    *exchange
	head llm.Head
	// started is set by Start, sent once anything is on its way to the client.
	started, sent bool
	// pending are frames of a stream that wait for what is there already; nil before
	// the first.
	pending *[]byte
}

// maxPending bounds what waits, in bytes: with its chunk's frame it just fits the
// buffer that net/http writes a connection from, so it goes out as one packet.
const maxPending = 7 << 10

// pendings are buffers for frames that wait, between replies.
var pendings = sync.Pool{New: func() any {
	b := make([]byte, 0, 2*maxPending)
	return &b
}}

// wait keeps a frame and gives all that wait.
func (p *reply) wait(frame []byte) []byte {
	if p.pending == nil {
		p.pending = pendings.Get().(*[]byte)
	}
	*p.pending = append(*p.pending, frame...)
	return *p.pending
}

// waiting are the frames that have not been written.
func (p *reply) waiting() []byte {
	if p.pending == nil {
		return nil
	}
	return *p.pending
}

// release gives the buffer back once the reply is over.
func (p *reply) release() {
	if p.pending != nil && cap(*p.pending) <= 4*maxPending {
		*p.pending = (*p.pending)[:0]
		pendings.Put(p.pending)
	}
	p.pending = nil
}

var _ Writer = (*reply)(nil)

// Start implements Writer.
func (p *reply) Start(h llm.Head) error {
	if p.started {
		return errors.New("reply started twice")
	}
	p.started, p.head = true, h
	return nil
}

// Event implements Writer.
func (p *reply) Event(e llm.Event) error {
	if !p.started {
		return errors.New("event before the reply was started")
	}
	if e.Hidden {
		e.Frame = nil
	}
	if p.head.Stream && (e.More || len(p.waiting()) > 0) {
		e.Frame = p.wait(e.Frame)
		if e.More && len(e.Frame) < maxPending {
			return nil
		}
		*p.pending = (*p.pending)[:0] // the frames stay where they are until the write
	}
	if len(e.Frame) == 0 && (!e.Final || p.sent) {
		return nil
	}
	return p.write(e)
}

// comment is what keeps a stream's connection alive: every client skips it.
var comment = []byte(": keep-alive\n\n")

// KeepAlive implements Writer.
func (p *reply) KeepAlive(h llm.Head) (bool, error) {
	if !h.Stream || !p.x.isEventStream() {
		return false, nil
	}
	if !p.started {
		if err := p.Start(h); err != nil {
			return false, err
		}
	}
	return true, p.Event(llm.Event{Frame: comment})
}

// write sends a frame, or several.
func (p *reply) write(e llm.Event) error {
	if !p.sent {
		p.sendHead(e)
	}
	if _, err := p.x.w.Write(e.Frame); err != nil {
		return fmt.Errorf("write to client: %w", err)
	}
	if !p.head.Stream || e.Final { // the end is flushed by the server
		return nil
	}
	if err := p.x.rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("flush to client: %w", err)
	}
	return nil
}

// sendHead writes status and headers before the first event.
func (p *reply) sendHead(first llm.Event) {
	h := p.x.w.Header()
	for name, values := range p.head.Header {
		if _, ours := h[name]; !ours {
			h[name] = values
		}
	}
	switch {
	case p.head.Stream:
		h["Content-Type"] = []string{"text/event-stream; charset=utf-8"}
		if e := p.x.endpoint; e != nil {
			h["Content-Type"] = []string{e.StreamType}
		}
		h["Cache-Control"] = []string{"no-cache"}
		h["X-Accel-Buffering"] = []string{"no"}
	case len(h["Content-Type"]) == 0:
		h["Content-Type"] = []string{"application/json"}
	}
	delete(h, "Content-Length")
	if !p.head.Stream && first.Final {
		h["Content-Length"] = []string{strconv.Itoa(len(first.Frame))}
	}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	expose(h)
	p.sent = true
	p.x.w.WriteHeader(max(p.head.Status, http.StatusOK))
}
