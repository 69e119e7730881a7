package httpapi

import (
	"errors"
	"net"
	"os"
	"time"
)

// Listener is l with connections on which a reply is cut only when the client stands
// still: when it takes no byte for Limits.Write. A client that reads slowly but steadily
// keeps its reply. The servers of NewServer are to be given such listeners.
func (a *API) Listener(l net.Listener) net.Listener { return steadyListener{l, a.limits.Write} }

type steadyListener struct {
	net.Listener
	limit time.Duration
}

// Accept implements net.Listener.
func (l steadyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &steadyConn{Conn: c, limit: l.limit}, nil
}

// steadyConn is a connection whose writes last as long as the other side takes bytes.
type steadyConn struct {
	net.Conn
	limit time.Duration
}

// looks is how often a write that waits looks whether bytes were taken, within its
// limit.
const looks = 8

// Write implements io.Writer. One write may be long and take minutes; it fails once
// nothing was taken for the limit.
func (c *steadyConn) Write(p []byte) (int, error) {
	sent, last, waiting := 0, time.Now(), -1
	for {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(c.limit / looks)); err != nil {
			return sent, err
		}
		n, err := c.Conn.Write(p[sent:])
		sent += n
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, err
		}
		// The system may keep much of what was sent, and takes nothing new before a good
		// part of that has gone out.
		before := waiting
		waiting = unacknowledged(c.Conn)
		if n > 0 || waiting < before {
			last = time.Now()
		}
		if time.Since(last) >= c.limit {
			return sent, err
		}
	}
}

// CloseWrite lets net/http end a connection without losing what is on its way.
func (c *steadyConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
