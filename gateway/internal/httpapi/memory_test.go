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

// holding serves requests that last until the test ends them.
type holding struct {
	t    testing.TB
	addr string
	api  *httpapi.API
	// read gets true for each request whose body was read, end ends one.
	read chan bool
	end  chan struct{}
	wg   sync.WaitGroup
	// running is how many are being served.
	running int
}

func newHolding(t testing.TB, limits httpapi.Limits) *holding {
	c := &holding{t: t, read: make(chan bool, 100), end: make(chan struct{})}
	f := new(httpapi.Fake)
	f.Keys = httpapi.KeysOptional
	f.Limits = limits
	f.OnServe = func(ctx context.Context, req *llm.Request, w llm.Writer) error {
		c.read <- true
		<-c.end
		return sendLength(ctx, req, w)
	}
	c.addr = startAPI(t, f, t.Context(), func(a *httpapi.API) http.Handler { c.api = a; return a.Data })
	return c
}

// begin sends a request and returns once it is being served.
func (c *holding) begin(body string, headers ...string) {
	c.t.Helper()
	c.wg.Go(func() {
		if resp, reply := call(c.t, "POST", c.addr, "/v1/chat/completions", body, headers...); resp.StatusCode != 200 {
			c.t.Errorf("%d %s", resp.StatusCode, reply)
			c.read <- false
		}
	})
	if <-c.read {
		c.running++
	}
}

// endAll ends all requests.
func (c *holding) endAll() {
	for ; c.running > 0; c.running-- {
		c.end <- struct{}{}
	}
	c.wg.Wait()
}

// refused sends a request and expects this status, and Retry-After.
func (c *holding) refused(status int, body string, headers ...string) {
	c.t.Helper()
	resp, reply := call(c.t, "POST", c.addr, "/v1/chat/completions", body, headers...)
	if resp.StatusCode != status || resp.Header.Get("Retry-After") != "1" {
		c.t.Errorf("%d %s, Retry-After %q, want %d", resp.StatusCode, reply, resp.Header.Get("Retry-After"), status)
	}
	decodeError(c.t, reply)
}

// TestHeldBodiesAreBounded fills the memory that bodies may take: plain, compressed and
// chunked.
func TestHeldBodiesAreBounded(t *testing.T) {
	const size = 300_000
	chunked := func(c *holding) *http.Response {
		// A reader whose length is not known is sent in chunks.
		resp, err := http.Post("http://"+c.addr+"/v1/chat/completions", "application/json", struct{ *strings.Reader }{strings.NewReader(padded(size))})
		if err != nil {
			c.t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp
	}
	c := newHolding(t, httpapi.Limits{Bodies: 1_100_000, BodiesPerCaller: 1_100_000})
	c.begin(padded(size))
	c.begin(gzipped(t, padded(size)), "Content-Encoding", "gzip")
	c.begin(padded(size))
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
	c.begin(hello) // a small one still fits
	c.endAll()
	c.begin(padded(size))
	c.endAll()
	if held := c.api.Held(); held != 0 {
		t.Errorf("%d bytes are counted when all have ended", held)
	}
}

// TestOneCallerCannotTakeAllMemory has callers with a key and callers with only an
// address.
func TestOneCallerCannotTakeAllMemory(t *testing.T) {
	const size = 300_000
	c := newHolding(t, httpapi.Limits{Bodies: 2 << 20, BodiesPerCaller: 800_000})
	c.begin(padded(size), "x-api-key", "member")
	c.begin(padded(size), "Authorization", "Bearer member")
	c.refused(429, padded(size), "api-key", "member")
	c.begin(padded(size), "Authorization", "Bearer admin")
	c.begin(padded(size))
	c.begin(padded(size))
	c.refused(429, padded(size))
	c.endAll()
}

// TestAnnouncedBytesAreNotCounted holds connections that promise much and send
// nothing: they must not keep others out.
func TestAnnouncedBytesAreNotCounted(t *testing.T) {
	c := newHolding(t, httpapi.Limits{Body: 1 << 20, Bodies: 2 << 20})
	for range 20 {
		dial(t, c.addr).send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{")
	}
	c.begin(padded(600_000))
	c.endAll()
}

// TestRefusedBodiesAreFreed sends bodies that are refused at various points, each
// of which must leave nothing counted.
func TestRefusedBodiesAreFreed(t *testing.T) {
	c := newHolding(t, httpapi.Limits{Body: 500_000, Bodies: 1 << 20})
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
