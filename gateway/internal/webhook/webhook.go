// Package webhook tells other systems of events: a POST with a JSON body, signed, retried for a
// while, and never waited for. What is an event, and that each is told once, is decided by the
// caller.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/publicaddr"
)

// Event is what is told. Its JSON is the body.
type Event struct {
	// ID is the same whenever the event is told, so that a receiver may tell copies apart.
	ID string `json:"id"`
	// Type is such as budget.threshold.
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	// Data depends on the type.
	Data any `json:"data"`
}

// Options say whom to tell. URL and Secret are required.
type Options struct {
	URL    string
	Secret string
	// Private permits an address that is not public.
	Private   bool
	UserAgent string
	// Log is told of events that could not be delivered; nil for nobody.
	Log *slog.Logger
	// Pause returns how long to wait before the n-th retry, from 1; nil means 1s, doubled each
	// time up to a minute, and up to half as much again.
	Pause func(n int) time.Duration
	// Timeout bounds one call; 0 means 10s.
	Timeout time.Duration
}

const (
	// maxWaiting is how many events may wait for one receiver; those beyond it are dropped.
	maxWaiting = 256
	// maxTries is how often an event is sent at most, over about five minutes.
	maxTries = 8
)

// Hook tells one receiver, of one event at a time in their order. It is safe for concurrent use.
type Hook struct {
	o      Options
	client *http.Client

	mu                 sync.RWMutex // guards closed, so that nothing is added to a closed queue
	closed             bool
	events             chan Event
	ended              chan struct{}
	stop               context.CancelFunc
	delivered, dropped atomic.Uint64
}

// Start starts the goroutine that sends; Close ends it.
func Start(o Options) *Hook {
	if o.Pause == nil {
		o.Pause = pause
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	dialer := &net.Dialer{Timeout: o.Timeout}
	if !o.Private {
		dialer.Control = publicaddr.Refuse // a name may stand for an address in here
	}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxConnsPerHost: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	if !o.Private {
		transport.Proxy = http.ProxyFromEnvironment
	}
	h := &Hook{o: o, events: make(chan Event, maxWaiting), ended: make(chan struct{}),
		client: &http.Client{Transport: transport, Timeout: o.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	go h.run(ctx)
	return h
}

// pause doubles from a second to a minute, and adds up to half of it.
func pause(n int) time.Duration {
	d := min(time.Second<<min(n-1, 6), time.Minute)
	return d + rand.N(d/2)
}

// Tell queues an event. It never waits.
func (h *Hook) Tell(e Event) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.closed {
		return
	}
	select {
	case h.events <- e:
	default:
		h.dropped.Add(1)
	}
}

// Delivered returns how many events the receiver has taken, Dropped how many it has not.
func (h *Hook) Delivered() uint64 { return h.delivered.Load() }

// Dropped is explained at Delivered.
func (h *Hook) Dropped() uint64 { return h.dropped.Load() }

func (h *Hook) run(ctx context.Context) {
	defer close(h.ended)
	defer h.client.CloseIdleConnections()
	for e := range h.events {
		if err := h.deliver(ctx, e); err != nil {
			h.dropped.Add(1)
			h.o.Log.Warn("a webhook was not delivered", "host", host(h.o.URL), "type", e.Type, "event", e.ID, "err", err)
			continue
		}
		h.delivered.Add(1)
	}
}

// deliver sends an event until the receiver takes it, refuses it for good, or has been asked
// often enough.
func (h *Hook) deliver(ctx context.Context, e Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	for n := 1; ; n++ {
		again, err := h.send(ctx, e, body)
		if err == nil || !again || n == maxTries || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(h.o.Pause(n)):
		}
	}
}

// maxReply bounds how much of a reply is read, in bytes, so that its connection can be used
// again.
const maxReply = 64 << 10

// send sends an event once. again says that another try may help.
func (h *Hook) send(ctx context.Context, e Event, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.o.URL, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("make request: %w", err)
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	for name, value := range map[string]string{"Content-Type": "application/json", "User-Agent": h.o.UserAgent,
		HeaderEvent: e.Type, HeaderID: e.ID, HeaderTimestamp: now, HeaderSignature: Sign(h.o.Secret, now, body)} {
		req.Header.Set(name, value)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return true, withoutURL(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxReply))
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		return false, nil
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout:
		return true, fmt.Errorf("the receiver answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return false, fmt.Errorf("the receiver answered %d %s, which is not tried again", resp.StatusCode, http.StatusText(resp.StatusCode))
}

// Close sends what is queued until ctx ends, and drops the rest.
func (h *Hook) Close(ctx context.Context) {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.events)
	}
	h.mu.Unlock()
	select {
	case <-h.ended:
	case <-ctx.Done():
	}
	h.stop()
	<-h.ended
}
