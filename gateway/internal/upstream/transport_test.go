package upstream

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
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
	var serving sync.WaitGroup
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := <-made
			made <- n + 1
			serving.Go(func() {
				defer c.Close()
				script(n, c, bufio.NewReader(c))
			})
		}
	}()
	t.Cleanup(func() { l.Close(); <-done; serving.Wait() })
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

func plainClient(t *testing.T, base string) *Client {
	t.Helper()
	c, err := New(Options{BaseURL: base, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
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
	c := plainClient(t, base)
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
	c := plainClient(t, base)
	if status, body, err := ask(t, c, strings.Repeat("x", 20<<20)); status != 413 || body != "no" || err != nil {
		t.Errorf("%d %q %v, want the refusal", status, body, err)
	}
}

func TestWhatIsNoReplyToTheRequest(t *testing.T) {
	for name, reply := range map[string]string{
		"another protocol":        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
		"nothing but interim":     strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 5000),
		"headers without an end":  "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 100),
		"both kinds of a length":  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"a length that is no one": "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
	} {
		base, _ := scripted(t, func(_ int, c net.Conn, r *bufio.Reader) {
			request(t, r)
			_, _ = io.WriteString(c, reply)
		})
		_, _, err := ask(t, plainClient(t, base), "{}")
		if e := llm.AsError(err); err == nil || e.Fault != llm.FaultMalformed {
			t.Errorf("%s: %v, want %s", name, err, llm.FaultMalformed)
		}
	}
}

func TestAHeaderCannotBecomeTwo(t *testing.T) {
	base, connections := scripted(t, func(int, net.Conn, *bufio.Reader) {})
	c := plainClient(t, base)
	for name, value := range map[string]string{"X-A": "b\r\nX-Evil: 1", "X-B": "b\x00", "X A": "b", "X:A": "b"} {
		_, err := c.Do(t.Context(), llm.Call{Path: "/x", Header: http.Header{name: {value}}})
		if err == nil {
			t.Errorf("header %q: %q: %v, want a refusal", name, value, err)
		}
	}
	if n := connections(); n != 0 {
		t.Errorf("%d connections were made for calls that can't be sent", n)
	}
}

// TestAStrayReplyReachesNobody has a server that says more than it was asked: its
// connection is dropped, however young it is.
func TestAStrayReplyReachesNobody(t *testing.T) {
	log.SetOutput(io.Discard) // net/http writes of it there
	defer log.SetOutput(os.Stderr)
	for name, together := range map[string]bool{"in one write with the reply": true, "after the reply": false} {
		t.Run(name, func(t *testing.T) {
			dropped := make(chan struct{})
			base, _ := scripted(t, func(_ int, c net.Conn, r *bufio.Reader) {
				body := request(t, r)
				own := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				other := "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSTRAY!"
				if together {
					fmt.Fprint(c, own+other)
				} else {
					fmt.Fprint(c, own)
					fmt.Fprint(c, other)
				}
				if next := request(t, r); next != "" {
					t.Errorf("the connection is used again for %q", next)
				}
				dropped <- struct{}{}
			})
			c := plainClient(t, base)
			for i := range 20 {
				want := fmt.Sprintf("call-%d", i)
				_, got, err := ask(t, c, want)
				if strings.Contains(got, "STRAY") || err == nil && got != want {
					t.Fatalf("call %d got %q, %v, want its own answer", i, got, err)
				}
				<-dropped
			}
		})
	}
}

// TestAStaleConnectionIsReplaced has servers that end an idle connection while the next
// request is on its way: with a FIN, or with one that is seen only after the request
// was written, as at the end of a short keep-alive.
func TestAStaleConnectionIsReplaced(t *testing.T) {
	for name, stale := range map[string]func(c net.Conn, r *bufio.Reader){
		"closed after the reply": func(net.Conn, *bufio.Reader) {},
		"closed when the next request arrives": func(_ net.Conn, r *bufio.Reader) {
			_, _ = r.Peek(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			base, connections := scripted(t, func(_ int, c net.Conn, r *bufio.Reader) {
				body := request(t, r)
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				stale(c, r)
			})
			c := plainClient(t, base)
			for i := range 6 {
				want := fmt.Sprintf("call-%d", i)
				if status, got, err := ask(t, c, want); status != 200 || got != want || err != nil {
					t.Fatalf("call %d: %d %q %v", i, status, got, err)
				}
			}
			if n := connections(); n != 6 {
				t.Errorf("%d connections, want one for each call", n)
			}
		})
	}
}

// TestShortKeepAlive is a server of net/http's whose idle connections live shortly.
func TestShortKeepAlive(t *testing.T) {
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	h.Config.IdleTimeout = time.Millisecond
	closed := make(chan struct{}, 100)
	h.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed <- struct{}{}
		}
	}
	h.Start()
	defer h.Close()
	c := plainClient(t, h.URL)
	for i := range 5 {
		if status, got, err := ask(t, c, "hi"); status != 200 || got != "hi" || err != nil {
			t.Fatalf("call %d: %d %q %v", i, status, got, err)
		}
		<-closed
	}
}
