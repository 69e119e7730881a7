package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// reply is the Writer of one exchange. A plain reply's headers wait for its event,
// whose length they tell.
type reply struct {
	x    *exchange
	head llm.Head
	// started is set by Start, sent once anything is on its way to the client.
	started, sent bool
	// pending are frames of a stream that wait for what is there already.
	pending []byte
}

// maxPending bounds what waits, in bytes.
const maxPending = 16 << 10

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
	if p.head.Stream && (e.More || len(p.pending) > 0) {
		p.pending = append(p.pending, e.Frame...)
		if e.More && len(p.pending) < maxPending {
			return nil
		}
		e.Frame = p.pending
		p.pending = p.pending[:0]
	}
	if len(e.Frame) == 0 {
		return nil
	}
	return p.write(e)
}

// write sends a frame, or several.
func (p *reply) write(e llm.Event) error {
	p.x.extend(time.Now())
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
	p.sent = true
	p.x.w.WriteHeader(max(p.head.Status, http.StatusOK))
}
