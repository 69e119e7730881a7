package httpapi_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// wire is a raw connection to a server.
type wire struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, addr string) *wire {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &wire{t, c, bufio.NewReader(c)}
}

func (c *wire) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, s); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// reply reads one response.
func (c *wire) reply() (status int, body string) {
	c.t.Helper()
	status, _, body = c.answer()
	return status, body
}

// answer reads one response with its headers.
func (c *wire) answer() (status int, header http.Header, body string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatalf("read reply: %v", err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("read reply: %v", err)
	}
	if resp.Close {
		resp.Header.Set("Connection", "close") // ReadResponse has taken it out
	}
	return resp.StatusCode, resp.Header, string(b)
}

// closed waits for the server to hang up, and fails if it says more first.
func (c *wire) closed() {
	c.t.Helper()
	if rest, _ := io.ReadAll(c.r); len(rest) > 0 {
		c.t.Errorf("the server went on: %q", rest)
	}
}
