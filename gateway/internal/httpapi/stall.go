package httpapi

import (
	"errors"
	"net"
	"os"
	"time"
)

// Listener returns l with connections whose writes fail only when the client takes no
// byte for Limits.Write. A client that reads slowly but steadily keeps its reply. The
// servers of NewServer need such listeners.
func (a *API) Listener(l net.Listener) net.Listener { return stallListener{l, a.limits.Write} }

type stallListener struct {
	net.Listener
	limit time.Duration
}

// Accept implements net.Listener.
func (l stallListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &stallConn{Conn: c, limit: l.limit}, nil
}

// stallConn is a connection whose writes may last as long as the peer makes progress.
type stallConn struct {
	net.Conn
	limit time.Duration
}

// checksPerLimit is how often within the limit a blocked write checks for progress.
const checksPerLimit = 8

// Write implements io.Writer. One write may take minutes; it fails once the peer has
// taken nothing for the limit.
func (c *stallConn) Write(p []byte) (int, error) {
	sent, progress, queued := 0, time.Now(), -1
	for {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(c.limit / checksPerLimit)); err != nil {
			return sent, err
		}
		n, err := c.Conn.Write(p[sent:])
		sent += n
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, err
		}
		// The kernel may queue much of what was sent, and accepts nothing new before a
		// good part of that was acknowledged.
		before := queued
		queued = unacknowledged(c.Conn)
		if n > 0 || queued < before {
			progress = time.Now()
		}
		if time.Since(progress) >= c.limit {
			return sent, err
		}
	}
}

// CloseWrite lets net/http end a connection without losing what it has written.
func (c *stallConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
