package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// crowd serves requests that stay in hand until they are told to end.
type crowd struct {
	t    testing.TB
	addr string
	api  *httpapi.API
	// in is sent to by each request that has been read, out ends one.
	in  chan bool
	out chan struct{}
	wg  sync.WaitGroup
	// joined is how many are in hand.
	joined int
}

func newCrowd(t testing.TB, limits httpapi.Limits) *crowd {
	c := &crowd{t: t, in: make(chan bool, 100), out: make(chan struct{})}
	o := options()
	o.Keys = func() httpapi.Keys { return httpapi.KeysOptional }
	o.Limits = limits
	o.Serve = func(ctx context.Context, req *llm.Request, w httpapi.Writer) error {
		c.in <- true
		<-c.out
		return echoBody(ctx, req, w)
	}
	c.addr = startAPI(t, o, t.Context(), func(a *httpapi.API) http.Handler { c.api = a; return a.Data })
	return c
}

// join sends a request and returns once it is in hand.
func (c *crowd) join(body string, headers ...string) {
	c.t.Helper()
	c.wg.Go(func() {
		if resp, reply := call(c.t, "POST", c.addr, "/v1/chat/completions", body, headers...); resp.StatusCode != 200 {
			c.t.Errorf("%d %s", resp.StatusCode, reply)
			c.in <- false
		}
	})
	if <-c.in {
		c.joined++
	}
}

// leave ends all requests in hand.
func (c *crowd) leave() {
	for ; c.joined > 0; c.joined-- {
		c.out <- struct{}{}
	}
	c.wg.Wait()
}

// refused sends a request and expects this status, and word of when to come back.
func (c *crowd) refused(status int, body string, headers ...string) {
	c.t.Helper()
	resp, reply := call(c.t, "POST", c.addr, "/v1/chat/completions", body, headers...)
	if resp.StatusCode != status || resp.Header.Get("Retry-After") != "1" {
		c.t.Errorf("%d %s, Retry-After %q, want %d", resp.StatusCode, reply, resp.Header.Get("Retry-After"), status)
	}
	fault(c.t, reply)
}

// TestBodiesInHandAreBounded fills the memory that bodies may take, in every way in
// which they come.
func TestBodiesInHandAreBounded(t *testing.T) {
	const size = 300_000
	chunked := func(c *crowd) *http.Response {
		// A reader whose length is not known is sent in chunks.
		resp, err := http.Post("http://"+c.addr+"/v1/chat/completions", "application/json", struct{ *strings.Reader }{strings.NewReader(padded(size))})
		if err != nil {
			c.t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp
	}
	c := newCrowd(t, httpapi.Limits{Bodies: 1_100_000, BodiesPerCaller: 1_100_000})
	c.join(padded(size))
	c.join(gzipped(t, padded(size)), "Content-Encoding", "gzip")
	c.join(padded(size))
	if held := c.api.Held(); held != 3*size {
		t.Errorf("%d bytes are counted, want %d", held, 3*size)
	}
	c.refused(503, padded(size))
	c.refused(503, gzipped(t, padded(size)), "Content-Encoding", "gzip")
	c.refused(503, gzipped(t, padded(size)), "Content-Encoding", "gzip", "Authorization", "Bearer member")
	if resp := chunked(c); resp.StatusCode != 503 {
		t.Errorf("in chunks: %d", resp.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
	c.join(hello) // a small one still fits
	c.leave()
	c.join(padded(size))
	c.leave()
	if held := c.api.Held(); held != 0 {
		t.Errorf("%d bytes are counted when all is over", held)
	}
}

// TestOneCallerCannotTakeAllMemory tells callers apart by key, and those without by
// address.
func TestOneCallerCannotTakeAllMemory(t *testing.T) {
	const size = 300_000
	c := newCrowd(t, httpapi.Limits{Bodies: 2 << 20, BodiesPerCaller: 800_000})
	c.join(padded(size), "x-api-key", "member")
	c.join(padded(size), "Authorization", "Bearer member")
	c.refused(429, padded(size), "api-key", "member")
	c.join(padded(size), "Authorization", "Bearer admin")
	c.join(padded(size))
	c.join(padded(size))
	c.refused(429, padded(size))
	c.leave()
}

// TestAnnouncedBytesAreNotCounted holds connections that promise much and send
// nothing: they must not keep others out.
func TestAnnouncedBytesAreNotCounted(t *testing.T) {
	c := newCrowd(t, httpapi.Limits{Body: 1 << 20, Bodies: 2 << 20})
	for range 20 {
		dial(t, c.addr).send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{")
	}
	c.join(padded(600_000))
	c.leave()
}

// TestRefusedBodiesAreGivenBack sends bodies that are refused at various points, each
// of which must leave nothing counted.
func TestRefusedBodiesAreGivenBack(t *testing.T) {
	c := newCrowd(t, httpapi.Limits{Body: 500_000, Bodies: 1 << 20})
	for range 10 {
		call(t, "POST", c.addr, "/v1/chat/completions", gzipped(t, padded(600_000)), "Content-Encoding", "gzip")
		call(t, "POST", c.addr, "/v1/chat/completions", gzipped(t, padded(400_000))[:300], "Content-Encoding", "gzip")
		call(t, "POST", c.addr, "/v1/chat/completions", strings.Repeat("x", 400_000))
		// Refused unread: small, so that the client has sent it all before it reads the refusal.
		call(t, "POST", c.addr, "/v1/chat/completions", padded(4_000), "x-penstock-tags", "=")
	}
	if held := c.api.Held(); held != 0 {
		t.Errorf("%d bytes are still counted", held)
	}
}
