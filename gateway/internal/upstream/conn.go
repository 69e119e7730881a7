package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// conn is one connection, used for one exchange at a time.
type conn struct {
	net.Conn
	give      func(*conn)
	r         *bufio.Reader
	idleSince time.Time
	// left is how much may be read before the reply's headers are over; below zero
	// there is no bound.
	left int64
	// sending gives the outcome of writing a long body beside the reading of the reply;
	// nil when the request has been written whole.
	sending chan error
	// stop ends the watch on the caller's context, and reports whether it was in time.
	stop func() bool
}

const (
	// readBuffer holds what of a reply is there already: two reads fewer for each
	// streamed reply than with 4 KiB.
	readBuffer = 8 << 10
	// maxAtOnce is how long a request may be to be written in one go. It fits the
	// system's buffers, so that writing it does not wait for a server that answers first.
	maxAtOnce = 64 << 10
	// maxInterim bounds the informational replies before the real one.
	maxInterim = 5
)

var (
	errHeaderTooLong = errors.New("the reply's headers are too long")
	errSwitched      = errors.New("the reply switches to another protocol")
	// longAgo is a deadline that ends every wait.
	longAgo = time.Unix(1, 0)
)

func newConn(raw net.Conn, give func(*conn)) *conn {
	c := &conn{Conn: raw, give: give, left: -1}
	c.r = bufio.NewReaderSize(bounded{c}, readBuffer)
	return c
}

// bounded reads from a connection within its bound.
type bounded struct{ c *conn }

func (b bounded) Read(p []byte) (int, error) {
	if b.c.left == 0 {
		return 0, errHeaderTooLong
	}
	n, err := b.c.Conn.Read(p)
	if b.c.left > 0 {
		b.c.left = max(b.c.left-int64(n), 0)
	}
	return n, err
}

// roundTrip sends one request and reads the reply's headers.
func (c *conn) roundTrip(req *http.Request, maxHeader int64) (*http.Response, error) {
	c.stop = context.AfterFunc(req.Context(), func() { _ = c.SetDeadline(longAgo) })
	resp, err := c.exchange(req, maxHeader)
	if err != nil {
		c.drop()
		return nil, err
	}
	body := &replyBody{c: c, src: resp.Body, keep: !resp.Close}
	resp.Body = body
	if resp.ContentLength == 0 {
		body.finish()
	}
	return resp, nil
}

func (c *conn) exchange(req *http.Request, maxHeader int64) (*http.Response, error) {
	if err := c.send(req); err != nil {
		return nil, err
	}
	c.left = maxHeader
	for range maxInterim {
		resp, err := http.ReadResponse(c.r, req)
		switch {
		case err != nil && c.left == 0:
			return nil, errHeaderTooLong
		case err != nil:
			return nil, err
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errSwitched
		case resp.StatusCode >= 200:
			c.left = -1
			return resp, nil
		}
	}
	return nil, fmt.Errorf("more than %d informational replies", maxInterim)
}

var heads = sync.Pool{New: func() any { return new([]byte) }}

// send writes a request. A body too long for one go is written beside the reading, since
// a server may answer before it has read everything.
func (c *conn) send(req *http.Request) error {
	buf := heads.Get().(*[]byte)
	head, err := appendHead((*buf)[:0], req)
	if err != nil {
		return err
	}
	if size := int64(len(head)) + req.ContentLength; size > maxAtOnce {
		c.sending = make(chan error, 1)
		go func() { c.sending <- c.sendLong(head, req.Body) }() // drop and finish wait for it
		return nil
	}
	defer heads.Put(buf)
	if *buf, err = appendBody(head, req); err != nil {
		return err
	}
	_, err = c.Write(*buf)
	return err
}

func (c *conn) sendLong(head []byte, body io.Reader) error {
	if _, err := c.Write(head); err != nil {
		return err
	}
	_, err := io.Copy(c.Conn, body)
	return err
}

func appendHead(dst []byte, req *http.Request) ([]byte, error) {
	dst = append(append(append(dst, req.Method...), ' '), req.URL.RequestURI()...)
	dst = append(append(append(dst, " HTTP/1.1\r\nHost: "...), req.Host...), "\r\n"...)
	for name, values := range req.Header {
		for _, v := range values {
			if !sendable(name, v) {
				return nil, fmt.Errorf("the header %q can't be sent", name)
			}
			dst = append(append(append(append(dst, name...), ": "...), v...), "\r\n"...)
		}
	}
	if req.ContentLength > 0 || req.Method == http.MethodPost || req.Method == http.MethodPut {
		dst = strconv.AppendInt(append(dst, "Content-Length: "...), req.ContentLength, 10)
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "\r\n"...), nil
}

// sendable keeps a header from becoming two.
func sendable(name, value string) bool {
	control := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	return name != "" && !strings.ContainsAny(name, " :\r\n\t\x00") && !strings.ContainsFunc(value, control)
}

func appendBody(dst []byte, req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return dst, nil
	}
	start := len(dst)
	dst = append(dst, make([]byte, req.ContentLength)...)
	_, err := io.ReadFull(req.Body, dst[start:])
	return dst, err
}

// drop closes the connection and waits for what still writes to it.
func (c *conn) drop() {
	c.stop()
	c.Close()
	if c.sending != nil {
		<-c.sending
		c.sending = nil
	}
}

// sent reports whether the request has been written to its end.
func (c *conn) sent() bool {
	if c.sending == nil {
		return true
	}
	select {
	case err := <-c.sending:
		c.sending = nil
		return err == nil
	default:
		return false // the server has answered without reading on
	}
}

// replyBody is a reply's body. Its end gives the connection back; closing it before
// drops the connection. Close may be called while Read waits.
type replyBody struct {
	c    *conn
	src  io.Reader
	keep bool
	over atomic.Bool
}

// Read implements io.Reader.
func (b *replyBody) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	if err == io.EOF {
		b.finish()
	}
	return n, err
}

// finish ends the exchange after a whole reply.
func (b *replyBody) finish() {
	if !b.over.CompareAndSwap(false, true) {
		return
	}
	c := b.c
	if b.keep && c.sent() && c.r.Buffered() == 0 && c.stop() {
		c.give(c)
		return
	}
	c.drop()
}

// Close implements io.Closer.
func (b *replyBody) Close() error {
	if b.over.CompareAndSwap(false, true) {
		b.c.drop()
	}
	return nil
}
