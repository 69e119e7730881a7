package main

import (
	"bytes"
	"fmt"
	"net"
	"time"
)

// grace is how long after the end of measuring a client waits for its last reply.
const grace = 5 * time.Second

// pause keeps a client whose requests fail from spinning.
const pause = 10 * time.Millisecond

// client sends one request after the other over one kept-alive connection. It is used by
// one goroutine.
type client struct {
	job        job
	from, to   time.Time
	request    []byte
	nonce      []byte
	count      uint32
	conn       net.Conn
	in         *reader
	whole      []time.Duration
	first      []time.Duration
	errors     int
	firstError string
}

// newClient returns the i-th client, whose replies count between the two times.
func newClient(j job, i int, from, to time.Time) *client {
	c := &client{job: j, from: from, to: to, count: uint32(i) << 24}
	c.request = append([]byte(j.Head), j.Body...)
	if j.Nonce > 0 {
		at := len(j.Head) + j.Nonce
		c.nonce = c.request[at : at+8]
	}
	return c
}

// run sends requests until the time is over.
func (c *client) run() {
	defer c.hangUp()
	for time.Now().Before(c.to) {
		if err := c.ask(); err != nil {
			c.fail(err)
		}
	}
}

// ask sends one request, reads its reply and records the durations.
func (c *client) ask() error {
	if err := c.dial(); err != nil {
		return err
	}
	c.vary()
	start := time.Now()
	if _, err := c.conn.Write(c.request); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	h, err := c.in.head()
	if err != nil {
		return fmt.Errorf("read head: %w", noEOF(err))
	}
	if err := c.in.await(h); err != nil {
		return fmt.Errorf("await body: %w", err)
	}
	first := time.Now()
	body, err := c.in.body(h)
	if err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	end := time.Now()
	if err := c.job.Want.check(h, body); err != nil {
		return err
	}
	c.note(start, first, end)
	if h.close {
		c.hangUp()
	}
	return nil
}

// note records a correct reply if it came while measuring.
func (c *client) note(start, first, end time.Time) {
	if end.Before(c.from) || end.After(c.to) {
		return
	}
	c.whole = append(c.whole, end.Sub(start))
	c.first = append(c.first, first.Sub(start))
}

// fail counts an error, at any time, and closes the connection.
func (c *client) fail(err error) {
	c.errors++
	if c.firstError == "" {
		c.firstError = err.Error()
	}
	c.hangUp()
	time.Sleep(pause)
}

func (c *client) dial() error {
	if c.conn != nil {
		return nil
	}
	conn, err := net.DialTimeout("tcp", c.job.Addr, grace)
	if err != nil {
		return err
	}
	c.conn, c.in = conn, newReader(conn)
	if c.job.Want.Header != "" {
		c.in.mark = []byte(c.job.Want.Header)
	}
	return conn.SetDeadline(c.to.Add(grace))
}

func (c *client) hangUp() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// vary makes the next request differ from every other of this run.
func (c *client) vary() {
	if c.nonce == nil {
		return
	}
	c.count++
	const digits = "0123456789abcdef"
	for i := range c.nonce {
		c.nonce[i] = digits[c.count>>(28-4*i)&15]
	}
}

// check returns an error if a reply is not complete and correct.
func (w want) check(h head, body []byte) error {
	switch {
	case h.status() != 200:
		return fmt.Errorf("status %d: %.300s", h.status(), body)
	case w.Header != "" && !h.marked:
		return fmt.Errorf("no header line %q", w.Header)
	case w.Bytes > 0 && len(body) != w.Bytes:
		return fmt.Errorf("body of %d bytes, want %d; it ends %q", len(body), w.Bytes, body[max(0, len(body)-60):])
	case !bytes.Contains(body, []byte(w.Holds)):
		return fmt.Errorf("body of %d bytes lacks %q", len(body), w.Holds)
	case !bytes.HasSuffix(body, []byte(w.Ends)):
		return fmt.Errorf("body ends %q, want %q", body[max(0, len(body)-60):], w.Ends)
	}
	return nil
}
