package httpapi_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// busy is an API all of whose places are taken until release is called.
type busy struct {
	*httpapi.API
	addr string
	// release ends one request; entered gets the ID of each key whose request is served.
	release chan struct{}
	entered chan string

	mu      sync.Mutex
	refused []string // reasons and classes
}

func newBusy(t *testing.T, limits httpapi.Limits) *busy {
	t.Helper()
	b := &busy{release: make(chan struct{}), entered: make(chan string, 100)}
	f := &httpapi.Fake{Keys: httpapi.KeysOptional, Limits: limits}
	f.Admin = &httpapi.FakeAdmin{OnOverload: func(reason string, p llm.Priority) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.refused = append(b.refused, reason+" "+p.String())
	}}
	f.OnServe = func(ctx context.Context, req *llm.Request, w llm.Writer) error {
		b.entered <- req.Principal.KeyID + " " + req.Priority.String()
		select {
		case <-b.release:
		case <-ctx.Done():
			return ctx.Err()
		}
		return httpapi.SendPlain(ctx, req, w)
	}
	b.addr = startAPI(t, f, context.Background(), func(a *httpapi.API) http.Handler { b.API = a; return a.Data })
	return b
}

// ask sends a request of a key in the background. The status goes to the channel.
func (b *busy) ask(t *testing.T, key string, headers ...string) <-chan int {
	t.Helper()
	status := make(chan int, 1)
	if key != "" {
		headers = append(headers, "Authorization", "Bearer "+key)
	}
	go func() {
		resp, _ := call(t, "POST", b.addr, "/v1/chat/completions", hello, headers...)
		status <- resp.StatusCode
	}()
	return status
}

// waiting returns once so many requests wait.
func (b *busy) waiting(t *testing.T, n int64) {
	t.Helper()
	for start := time.Now(); ; {
		sum := int64(0)
		for _, p := range llm.Priorities() {
			sum += b.Waiting(p)
		}
		if sum == n {
			return
		}
		if time.Since(start) > 10*time.Second {
			t.Fatalf("%d requests wait, want %d", sum, n)
		}
		runtime.Gosched()
	}
}

// TestRequestsWaitForTheirTurn fills the gateway, and expects the class of the key to decide
// who is next, and a header to lower but never to raise it.
func TestRequestsWaitForTheirTurn(t *testing.T) {
	b := newBusy(t, httpapi.Limits{Requests: 1, Queue: 20, QueueWait: time.Hour})
	all := []<-chan int{b.ask(t, "")}
	if got := <-b.entered; got != " normal" {
		t.Fatalf("the first request is %q", got)
	}
	for i, who := range [][]string{{"batch", "high"}, {"member", "low"}, {"member", "high"}, {"", "Normal"}, {"vip", "low"}, {"vip", "high"}} {
		all = append(all, b.ask(t, who[0], "x-penstock-priority", who[1]))
		b.waiting(t, int64(i+1))
	}
	if held := b.Held(); held == 0 || held > int64(2*len(hello)) {
		t.Errorf("%d bytes are held while six requests wait, want those of the one that is served", held)
	}
	for i, want := range []string{"k3 high", "k1 normal", " normal", "k4 low", "k1 low", "k3 low"} {
		b.release <- struct{}{}
		if got := <-b.entered; got != want {
			t.Errorf("request %d is %q, want %q", i+1, got, want)
		}
	}
	b.release <- struct{}{}
	for _, status := range all {
		if got := <-status; got != 200 {
			t.Errorf("status %d", got)
		}
	}
	if n := b.Inflight(); n != 0 {
		t.Errorf("%d requests are still counted", n)
	}
}

// TestOverloadIsRefused sends more than may wait, in several formats, and watches that what
// operators and load balancers need is served all the same.
func TestOverloadIsRefused(t *testing.T) {
	b := newBusy(t, httpapi.Limits{Requests: 1, Queue: 2, QueueWait: time.Hour, RequestsPerCaller: 1})
	first := b.ask(t, "member")
	<-b.entered
	second := b.ask(t, "batch")
	b.waiting(t, 1)
	third := b.ask(t, "vip")
	b.waiting(t, 2)
	for _, c := range []struct{ key, path, want string }{
		{"admin", "/v1/chat/completions", `{"error":{"message":"The gateway is serving as many requests as it may, and as many wait as may; try again in a moment.","type":"server_error","param":null,"code":"overloaded"}}`},
		{"member", "/v1/messages", `"type":"rate_limit_error"`},
	} {
		class := "normal"
		if c.key == "admin" {
			class = "low" // or it would take the place of the batch's
		}
		resp, body := call(t, "POST", b.addr, c.path, hello, "Authorization", "Bearer "+c.key, "x-penstock-priority", class)
		after, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if !strings.Contains(body, c.want) || err != nil || after < 1 || after > 3 {
			t.Errorf("%s at %s: %d %v %s, want %s", c.key, c.path, resp.StatusCode, resp.Header, body, c.want)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/v1/models", "/"} {
		if resp, _ := call(t, "GET", b.addr, path, ""); resp.StatusCode != 200 {
			t.Errorf("GET %s: %d while the gateway is full", path, resp.StatusCode)
		}
	}
	if resp, body := call(t, "POST", b.addr, "/v1/chat/completions", hello, "x-penstock-priority", "urgent"); resp.StatusCode != 400 || !strings.Contains(body, "x-penstock-priority") {
		t.Errorf("a priority that there is not: %d %s", resp.StatusCode, body)
	}
	fourth := b.ask(t, "admin") // takes the place of the lowest class
	if got := <-second; got != 503 {
		t.Errorf("the last of the lowest class got %d, want 503", got)
	}
	for range 3 {
		b.release <- struct{}{}
	}
	for _, status := range []<-chan int{first, third, fourth} {
		if got := <-status; got != 200 {
			t.Errorf("status %d", got)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if want := []string{"queue_full low", "key_limit normal", "queue_full low"}; !slices.Equal(b.refused, want) {
		t.Errorf("counted %q, want %q", b.refused, want)
	}
}

// TestWaitingHasAnEnd waits as long as the caller itself does at most, and gives the places of
// callers who have left to others.
func TestWaitingHasAnEnd(t *testing.T) {
	b := newBusy(t, httpapi.Limits{Requests: 1, Queue: 4, QueueWait: time.Hour, BodyStall: time.Hour})
	first := b.ask(t, "member")
	<-b.entered
	resp, body := call(t, "POST", b.addr, "/v1/chat/completions", hello, "x-penstock-timeout", "20ms")
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "none of them ended") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(hello))+"\r\n\r\n"+hello)
	b.waiting(t, 1)
	conn.Close()
	last := b.ask(t, "vip", "x-penstock-priority", "low")
	b.waiting(t, 2)
	b.release <- struct{}{}
	if got := <-first; got != 200 {
		t.Errorf("status %d", got)
	}
	for range 2 { // the one that left may or may not be noticed before it is served
		if who := <-b.entered; who == "k3 low" {
			break
		}
	}
	b.release <- struct{}{}
	if got := <-last; got != 200 {
		t.Errorf("status %d", got)
	}
}

// TestWaitingBodyHasItsTime sends the body only when the turn has come: the time in the queue
// does not count for it.
func TestWaitingBodyHasItsTime(t *testing.T) {
	b := newBusy(t, httpapi.Limits{Requests: 1, Queue: 4, QueueWait: time.Hour, BodyStall: 300 * time.Millisecond})
	first := b.ask(t, "member")
	<-b.entered
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: "+strconv.Itoa(len(hello))+"\r\n\r\n")
	b.waiting(t, 1)
	if resp, _ := call(t, "POST", b.addr, "/v1/chat/completions", hello, "x-penstock-timeout", "400ms"); resp.StatusCode != 503 { // longer than BodyStall
		t.Errorf("status %d", resp.StatusCode)
	}
	b.release <- struct{}{}
	<-first
	r := bufio.NewReader(conn)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v, want to be told to send the body", line, err)
	}
	_, _ = io.WriteString(conn, hello)
	<-b.entered
	b.release <- struct{}{}
	_, _ = r.ReadString('\n')
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 {
		t.Errorf("%v, %v", resp, err)
	}
}
