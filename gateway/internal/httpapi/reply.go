package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// reply is the llm.Writer of one exchange. A plain reply's headers are written with its
// event, because they hold its length.
type reply struct {
	x    *exchange
	head llm.Head
	// started is set by Start, sent once anything was written to the client.
	started, sent bool
	// buffer holds frames of a stream that are written together with frames that have
	// arrived already; nil before the first.
	buffer *[]byte
}

// maxBuffered bounds the buffered frames, in bytes: with the head of their chunk they
// just fit the buffer from which net/http writes a connection, so they go out as one
// packet.
const maxBuffered = 7 << 10

// frameBuffers pools the buffers of replies.
var frameBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 2*maxBuffered)
	return &b
}}

// bufferFrame appends a frame to the buffer and returns all that is in it.
func (p *reply) bufferFrame(frame []byte) []byte {
	if p.buffer == nil {
		p.buffer = frameBuffers.Get().(*[]byte)
	}
	*p.buffer = append(*p.buffer, frame...)
	return *p.buffer
}

// buffered returns the frames that have not been written.
func (p *reply) buffered() []byte {
	if p.buffer == nil {
		return nil
	}
	return *p.buffer
}

// release returns the buffer to the pool.
func (p *reply) release() {
	if p.buffer != nil && cap(*p.buffer) <= 4*maxBuffered {
		*p.buffer = (*p.buffer)[:0]
		frameBuffers.Put(p.buffer)
	}
	p.buffer = nil
}

var _ llm.Writer = (*reply)(nil)

// Start implements llm.Writer.
func (p *reply) Start(h llm.Head) error {
	if p.started {
		return errors.New("reply started twice")
	}
	p.started, p.head = true, h
	return nil
}

// Event implements llm.Writer.
func (p *reply) Event(e llm.Event) error {
	if !p.started {
		return errors.New("event before the reply was started")
	}
	if e.Hidden {
		e.Frame = nil
	}
	if p.head.Stream && (e.More || len(p.buffered()) > 0) {
		e.Frame = p.bufferFrame(e.Frame)
		if e.More && len(e.Frame) < maxBuffered {
			return nil
		}
		*p.buffer = (*p.buffer)[:0] // the frames stay valid until the next one is buffered
	}
	if len(e.Frame) == 0 && (!e.Final || p.sent) {
		return nil
	}
	return p.write(e)
}

// comment is what keeps a stream's connection alive: every client skips it.
var comment = []byte(": keep-alive\n\n")

// KeepAlive implements llm.Writer.
func (p *reply) KeepAlive(h llm.Head) (bool, error) {
	if !h.Stream {
		return false, nil
	}
	if !p.started {
		if err := p.Start(h); err != nil {
			return false, err
		}
	}
	return true, p.Event(llm.Event{Frame: comment})
}

// write writes one or more frames.
func (p *reply) write(e llm.Event) error {
	if !p.sent {
		p.sendHead(e)
	}
	if _, err := p.x.w.Write(e.Frame); err != nil {
		return fmt.Errorf("write to client: %w", err)
	}
	if !p.head.Stream || e.Final { // net/http flushes the end
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
		h["Content-Type"] = []string{p.x.format.StreamType()}
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
	exposeHeaders(h)
	p.sent = true
	p.x.w.WriteHeader(max(p.head.Status, http.StatusOK))
}
