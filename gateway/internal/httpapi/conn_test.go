package httpapi_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// rawConn is a TCP connection to a server.
type rawConn struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, addr string) *rawConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &rawConn{t, c, bufio.NewReader(c)}
}

func (c *rawConn) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, s); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// reply reads one response.
func (c *rawConn) reply() (status int, body string) {
	c.t.Helper()
	status, _, body = c.answer()
	return status, body
}

// answer reads one response with its headers.
func (c *rawConn) answer() (status int, header http.Header, body string) {
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

// closed waits until the server closes the connection, and fails if it sends more first.
func (c *rawConn) closed() {
	c.t.Helper()
	if rest, _ := io.ReadAll(c.r); len(rest) > 0 {
		c.t.Errorf("the server sent more: %q", rest)
	}
}
