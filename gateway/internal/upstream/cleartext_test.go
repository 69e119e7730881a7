package upstream

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// scripted answers connections in turn with what the script says, and gives the number of
// connections that were made.
func scripted(t *testing.T, script func(n int, c net.Conn, r *bufio.Reader)) (base string, connections func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	made, done := make(chan int, 1), make(chan struct{})
	made <- 0
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := <-made
			made <- n + 1
			script(n, c, bufio.NewReader(c))
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String(), func() int { n := <-made; made <- n; return n }
}

// request reads one request and its body.
func request(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	req, err := http.ReadRequest(r)
	if err != nil {
		return ""
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}

func ask(t *testing.T, c *Client, body string) (int, string, error) {
	t.Helper()
	a, err := c.Do(t.Context(), llm.Call{Path: "/x", Body: []byte(body)})
	if err != nil {
		return 0, "", err
	}
	defer a.Body.Close()
	got, err := io.ReadAll(a.Body)
	return a.Status, string(got), err
}

func cleartextClient(t *testing.T, base string) *Client {
	t.Helper()
	c, err := New(Options{BaseURL: base, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestAnIdleConnectionThatTheServerClosedIsNotUsed closes every connection after one
// exchange without saying so beforehand.
func TestAnIdleConnectionThatTheServerClosedIsNotUsed(t *testing.T) {
	closed := make(chan struct{}, 10)
	base, connections := scripted(t, func(_ int, c net.Conn, r *bufio.Reader) {
		request(t, r)
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		c.Close()
		closed <- struct{}{}
	})
	c := cleartextClient(t, base)
	c.transport.(*cleartext).unasked = 0
	for range 5 {
		if status, body, err := ask(t, c, "{}"); status != 200 || body != "ok" || err != nil {
			t.Fatalf("%d %q %v", status, body, err)
		}
		<-closed
	}
	if n := connections(); n != 5 {
		t.Errorf("%d connections, want one for each call", n)
	}
}

func TestOneConnectionServesManyCalls(t *testing.T) {
	base, connections := scripted(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			body := request(t, r)
			if body == "" {
				return
			}
			fmt.Fprint(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		}
	})
	c := cleartextClient(t, base)
	for _, body := range []string{"one", strings.Repeat("long ", 1<<20), "three"} {
		if status, got, err := ask(t, c, body); status != 200 || got != body || err != nil {
			t.Fatalf("%d, %d bytes of %d, %v", status, len(got), len(body), err)
		}
	}
	c.Close()
	if n := connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestAServerMayAnswerBeforeItHasReadEverything refuses a long request at its headers.
func TestAServerMayAnswerBeforeItHasReadEverything(t *testing.T) {
	hold := make(chan struct{})
	base, _ := scripted(t, func(_ int, c net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		fmt.Fprint(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
		<-hold
	})
	defer close(hold)
	c := cleartextClient(t, base)
	if status, body, err := ask(t, c, strings.Repeat("x", 20<<20)); status != 413 || body != "no" || err != nil {
		t.Errorf("%d %q %v, want the refusal", status, body, err)
	}
}

func TestWhatIsNoReplyToTheRequest(t *testing.T) {
	for name, reply := range map[string]string{
		"another protocol":        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
		"nothing but interim":     strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20),
		"headers without an end":  "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 100),
		"both kinds of a length":  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"a length that is no one": "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
	} {
		base, _ := scripted(t, func(_ int, c net.Conn, r *bufio.Reader) {
			request(t, r)
			_, _ = io.WriteString(c, reply)
		})
		_, _, err := ask(t, cleartextClient(t, base), "{}")
		if e := llm.AsError(err); err == nil || e.Fault != llm.FaultMalformed {
			t.Errorf("%s: %v, want %s", name, err, llm.FaultMalformed)
		}
	}
}

func TestAHeaderCannotBecomeTwo(t *testing.T) {
	base, connections := scripted(t, func(int, net.Conn, *bufio.Reader) {})
	c := cleartextClient(t, base)
	for name, value := range map[string]string{"X-A": "b\r\nX-Evil: 1", "X-B": "b\x00", "X A": "b", "X:A": "b"} {
		_, err := c.Do(t.Context(), llm.Call{Path: "/x", Header: http.Header{name: {value}}})
		if err == nil || !strings.Contains(err.Error(), "can't be sent") {
			t.Errorf("header %q: %q: %v, want a refusal", name, value, err)
		}
	}
	if connections() > 4 {
		t.Error("a refused call was tried again")
	}
}

// TestIdleConnectionsAreClosedInTime watches the clock of a bubble.
func TestIdleConnectionsAreClosedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ours []net.Conn
		tr := newCleartext(func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			ours = append(ours, there)
			go func() {
				r := bufio.NewReader(there)
				for {
					if _, err := http.ReadRequest(r); err != nil {
						return
					}
					_, _ = io.WriteString(there, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}()
			return here, nil
		}, 1<<16)
		call := func() {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://a/b", bytes.NewReader(nil))
			if _, err := tr.RoundTrip(req); err != nil {
				t.Fatal(err)
			}
		}
		call()
		time.Sleep(idleTimeout - time.Second)
		call()
		time.Sleep(idleTimeout - time.Second)
		idle := func() (n int, pruning bool) {
			synctest.Wait()
			tr.mu.Lock()
			defer tr.mu.Unlock()
			return len(tr.idle), tr.pruning != nil
		}
		if n, _ := idle(); len(ours) != 1 || n != 1 {
			t.Errorf("%d connections made, %d idle, want the first still there", len(ours), n)
		}
		time.Sleep(2 * time.Second)
		if n, pruning := idle(); n != 0 || pruning {
			t.Errorf("%d connections idle after their time", n)
		}
		tr.CloseIdleConnections()
	})
}
