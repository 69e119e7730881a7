package upstream

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The bounds of idle connections.
const (
	maxIdle     = 256
	idleTimeout = 90 * time.Second
	// unasked is how long a connection may have been idle to be used without looking
	// whether the server has closed it: servers keep them for seconds at least.
	unasked = time.Second
)

// cleartext is a transport for HTTP/1.1 without TLS. net/http's keeps two goroutines for
// each connection and hands every request and reply from one to the other; for a
// model server nearby that is half of what a call costs. This one writes and reads on
// the caller's goroutine. What it reads is parsed by net/http all the same; TLS and
// HTTP/2 are left to net/http's own transport. It is safe for concurrent use.
type cleartext struct {
	dial      func(ctx context.Context, network, addr string) (net.Conn, error)
	maxHeader int64
	unasked   time.Duration // the constant, but for tests

	mu     sync.Mutex
	idle   []*conn // the one used last stands last
	closed bool
	// pruning is set while a timer waits to close what has been idle for too long.
	pruning *time.Timer
}

func newCleartext(dial func(context.Context, string, string) (net.Conn, error), maxHeader int64) *cleartext {
	return &cleartext{dial: dial, maxHeader: maxHeader, unasked: unasked}
}

// RoundTrip implements http.RoundTripper. The reply's body gives the connection back
// once it has been read to its end, and drops it when it is closed before.
func (t *cleartext) RoundTrip(req *http.Request) (*http.Response, error) {
	c := t.take()
	if c == nil {
		raw, err := t.dial(req.Context(), "tcp", hostPort(req.URL.Host))
		if err != nil {
			return nil, err
		}
		c = newConn(raw, t.give)
	}
	return c.roundTrip(req, t.maxHeader)
}

func hostPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	if n := len(host); n > 1 && host[0] == '[' && host[n-1] == ']' { // an IPv6 address
		host = host[1 : n-1]
	}
	return net.JoinHostPort(host, "80")
}

// take gives an idle connection that the server has not closed meanwhile, or nil.
func (t *cleartext) take() *conn {
	for {
		c := t.pop()
		if c == nil || time.Since(c.idleSince) < t.unasked || c.alive() {
			return c
		}
		c.Close()
	}
}

func (t *cleartext) pop() *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.idle)
	if n == 0 {
		return nil
	}
	c := t.idle[n-1]
	t.idle[n-1] = nil
	t.idle = t.idle[:n-1]
	return c
}

// give takes a connection back whose reply has been read.
func (t *cleartext) give(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.idle) >= maxIdle {
		c.Close()
		return
	}
	c.idleSince = time.Now()
	t.idle = append(t.idle, c)
	if t.pruning == nil {
		t.pruning = time.AfterFunc(idleTimeout, t.prune)
	}
}

// prune closes what has been idle for too long, and comes back while there is more.
func (t *cleartext) prune() {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := time.Now().Add(-idleTimeout)
	t.idle = slices.DeleteFunc(t.idle, func(c *conn) bool {
		stale := !c.idleSince.After(old)
		if stale {
			c.Close()
		}
		return stale
	})
	t.pruning = nil
	if len(t.idle) > 0 && !t.closed {
		t.pruning = time.AfterFunc(time.Until(t.idle[0].idleSince.Add(idleTimeout)), t.prune)
	}
}

// CloseIdleConnections drops what is idle, and what becomes so from now on.
func (t *cleartext) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, c := range t.idle {
		c.Close()
	}
	t.idle = nil
	if t.pruning != nil {
		t.pruning.Stop()
		t.pruning = nil
	}
}
