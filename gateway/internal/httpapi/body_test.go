package httpapi_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// soon is a limit that tests can wait for.
const soon = 50 * time.Millisecond

// sendLength answers with the length of the body that arrived.
func sendLength(_ context.Context, req *llm.Request, w llm.Writer) error {
	if err := w.Start(llm.Head{Status: 200}); err != nil {
		return err
	}
	return w.Event(llm.Event{Frame: fmt.Append(nil, len(req.Body)), Final: true})
}

// padded is a request of exactly size bytes.
func padded(size int) string {
	const head, tail = `{"model":"m","x":"`, `"}`
	return head + strings.Repeat("a", size-len(head)-len(tail)) + tail
}

func compress(t testing.TB, body string, open func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var b bytes.Buffer
	w := open(&b)
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipped(t testing.TB, body string) string {
	return compress(t, body, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
}

func TestBodies(t *testing.T) {
	f := new(httpapi.Fake)
	f.OnServe = sendLength
	f.Limits.Body = 200_000
	addr := start(t, f)
	zlibbed := compress(t, hello, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
	deflated := compress(t, hello, func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 5); return f })
	length := fmt.Sprint(len(hello))
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
		want       string
	}{
		{"plain", hello, nil, 200, length},
		{"JSON", hello, []string{"Content-Type", "application/json; charset=utf-8"}, 200, length},
		{"vendor JSON", hello, []string{"Content-Type", "application/vnd.x+json"}, 200, length},
		{"form", hello, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "content-type: application/json"},
		{"nonsense type", hello, []string{"Content-Type", ";;"}, 415, "application/json"},
		{"gzip", gzipped(t, hello), []string{"Content-Encoding", "gzip"}, 200, length},
		{"zlib", zlibbed, []string{"Content-Encoding", "deflate"}, 200, length},
		{"raw deflate", deflated, []string{"Content-Encoding", "Deflate"}, 200, length},
		{"brotli", hello, []string{"Content-Encoding", "br"}, 415, "plain, gzip or deflate"},
		{"two encodings", hello, []string{"Content-Encoding", "gzip, gzip"}, 415, "plain, gzip or deflate"},
		{"not gzip", hello, []string{"Content-Encoding", "gzip"}, 400, "Content-Encoding"},
		{"cut gzip", gzipped(t, hello)[:20], []string{"Content-Encoding", "gzip"}, 400, "Content-Encoding"},
		{"largest", padded(200_000), nil, 200, "200000"},
		{"too large", padded(200_001), nil, 413, "200000 bytes"},
		{"largest inflated", gzipped(t, padded(200_000)), []string{"Content-Encoding", "gzip"}, 200, "200000"},
		{"too large inflated", gzipped(t, padded(200_001)), []string{"Content-Encoding", "gzip"}, 413, "200000 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, body := call(t, "POST", addr, "/v1/chat/completions", c.body, c.headers...)
			if resp.StatusCode != c.status || !strings.Contains(body, c.want) {
				t.Errorf("%d %s, want %d …%s…", resp.StatusCode, body, c.status, c.want)
			}
			if c.status != 200 {
				decodeError(t, body)
			}
		})
	}
}

// TestBombs sends what a small request could grow into, against the default bounds.
func TestBombs(t *testing.T) {
	f := new(httpapi.Fake)
	f.OnServe = sendLength
	addr := start(t, f)
	bomb := gzipped(t, strings.Repeat(" ", 64<<20))
	if len(bomb) > 100_000 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	resp, body := call(t, "POST", addr, "/v1/chat/completions", bomb, "Content-Encoding", "gzip")
	if _, _, code, _ := decodeError(t, body); resp.StatusCode != 413 || code != "request_too_large" {
		t.Errorf("gzip bomb: %d %s", resp.StatusCode, body)
	}
	// The header alone must be enough: not a byte of these 33 MiB is sent.
	c := dial(t, addr)
	c.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 34603008\r\n\r\n")
	if status, _ := c.reply(); status != 413 {
		t.Errorf("33 MiB announced: %d", status)
	}
	// Chunked, the size is not announced; what is sent is cut at the bound.
	resp, err := http.Post("http://"+addr+"/v1/chat/completions", "application/json", io.MultiReader(strings.NewReader(padded(33<<20))))
	if err == nil {
		if resp.StatusCode != 413 || !resp.Close {
			t.Errorf("33 MiB in chunks: %d, connection closed: %v", resp.StatusCode, resp.Close)
		}
		_ = resp.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestSmuggledRequest pipelines a second request behind a body with two lengths. Whatever
// follows such a body must not be served.
func TestSmuggledRequest(t *testing.T) {
	f := new(httpapi.Fake)
	served := make(chan struct{}, 2)
	f.OnServe = func(ctx context.Context, req *llm.Request, w llm.Writer) error {
		served <- struct{}{}
		return sendLength(ctx, req, w)
	}
	c := dial(t, start(t, f))
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hello), hello)
	one := "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk
	c.send(one + one)
	if status, body := c.reply(); status != 200 || body != fmt.Sprint(len(hello)) {
		t.Errorf("first request: %d %s", status, body)
	}
	c.closed()
	if len(served) != 1 {
		t.Errorf("%d requests were served, want 1", len(served))
	}
}

func TestSlowHeadersAreCut(t *testing.T) {
	f := new(httpapi.Fake)
	f.Limits.Header = soon
	c := dial(t, start(t, f))
	c.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	c.closed()
}

func TestLargeHeadersAreRefused(t *testing.T) {
	c := dial(t, start(t, new(httpapi.Fake)))
	c.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("a", 40<<10))
	if status, _ := c.reply(); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("40 KiB of headers: %d", status)
	}
}

func TestStalledBodiesAreCut(t *testing.T) {
	f := new(httpapi.Fake)
	f.Limits.BodyStall = soon
	addr := start(t, f)
	for name, head := range map[string]string{"length": "Content-Length: 100\r\n\r\n{", "chunked": "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"} {
		c := dial(t, addr)
		c.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + head)
		status, body := c.reply()
		if _, _, code, _ := decodeError(t, body); status != 408 || code != "request_timeout" {
			t.Errorf("%s: %d %s", name, status, body)
		}
		c.closed()
	}
}

// TestUnreadBodiesAreNotWaitedFor sends requests that can be answered without their
// bodies, which never arrive. The answer must not wait for them: with these limits it
// would do so for longer than a test may run.
func TestUnreadBodiesAreNotWaitedFor(t *testing.T) {
	f := new(httpapi.Fake)
	f.Limits.BodyStall = time.Hour
	f.Keys = httpapi.KeysRequired
	f.Admin = new(httpapi.FakeAdmin)
	data, admin := start(t, f), startAdmin(t, f)
	const key = "Authorization: Bearer member\r\n"
	for _, c := range []struct {
		addr, line, headers string
		status              int
	}{
		{data, "POST /v1/chat/completions", "", 401},
		{data, "POST /v1/chat/completions", "Authorization: Bearer wrong\r\n", 401},
		{data, "POST /v1/chat/completions", "x-api-key: a\r\nx-api-key: b\r\n", 400},
		{data, "POST /v1/chat/completions", key + "Content-Type: text/plain\r\n", 415},
		{data, "POST /v1/chat/completions", key + "Content-Encoding: br\r\n", 415},
		{data, "POST /v1/chat/completions", key + "x-penstock-tags: =\r\n", 400},
		{data, "POST /v1/chat/completions", key + "cf-aig-cache-ttl: soon\r\n", 400},
		{data, "POST /none", "", 404},
		{data, "PUT /v1/chat/completions", key, 405},
		{data, "GET /healthz", "", 200},
		{data, "GET /readyz", "", 200},
		{data, "GET /v1/models", key, 200},
		{data, "GET /v1/models/none", key, 404},
		{admin, "GET /healthz", "", 200},
		{admin, "GET /metrics", "", 403},
		{admin, "GET /metrics", "Host: localhost\r\n", 200},
		{admin, "POST /none", "", 404},
	} {
		if !strings.Contains(c.headers, "Host") {
			c.headers += "Host: x\r\n"
		}
		for _, length := range []string{"Content-Length: 100\r\n\r\n", "Content-Length: 100\r\n\r\n{", "Content-Length: 9000000\r\n\r\n{",
			"Transfer-Encoding: chunked\r\n\r\n", "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"} {
			w := dial(t, c.addr)
			w.send(c.line + " HTTP/1.1\r\n" + c.headers + length)
			if status, header, body := w.answer(); status != c.status || header.Get("Connection") != "close" {
				t.Errorf("%s with %q: %d %v %s, want %d", c.line, c.headers+length, status, header, body, c.status)
			}
			_ = w.Close()
		}
	}
}

// TestRefusedSendersReadTheReason sends whole bodies before it reads anything, as most
// clients do, and is refused for its headers.
func TestRefusedSendersReadTheReason(t *testing.T) {
	f := new(httpapi.Fake)
	f.Keys = httpapi.KeysRequired
	f.Limits.Body = 4 << 20
	addr := start(t, f)
	body := strings.Repeat("x", 12<<20)
	chunks := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	for _, c := range []struct {
		headers, body string
		status        int
	}{
		{fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)), body, 401},
		{"Transfer-Encoding: chunked\r\n\r\n", chunks, 401},
		{fmt.Sprintf("x-api-key: member\r\nContent-Length: %d\r\n\r\n", len(body)), body, 413},
		{"x-api-key: member\r\nTransfer-Encoding: chunked\r\n\r\n", chunks, 413},
	} {
		w := dial(t, addr)
		w.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + c.headers + c.body)
		if status, _ := w.reply(); status != c.status {
			t.Errorf("%q: %d, want %d", c.headers, status, c.status)
		}
		w.closed()
	}
}

// TestUnreadBodiesDoNotKeepConnections expects that a connection with an unread body is
// closed.
func TestUnreadBodiesDoNotKeepConnections(t *testing.T) {
	c := dial(t, start(t, new(httpapi.Fake)))
	c.send("POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	if status, _ := c.reply(); status != 404 {
		t.Errorf("status %d", status)
	}
	c.closed()
}

// TestSlowBodiesAreCut sends a byte at a time without long pauses.
func TestSlowBodiesAreCut(t *testing.T) {
	f := new(httpapi.Fake)
	f.Limits.BodyStall = soon
	c := dial(t, start(t, f))
	c.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
	tick := time.NewTicker(soon / 10)
	defer tick.Stop()
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-tick.C:
			case <-done:
				return
			}
			_, _ = io.WriteString(c.Conn, " ") // fails once the server has had enough
		}
	}()
	if status, _ := c.reply(); status != 408 {
		t.Errorf("a slow body: %d", status)
	}
}

// TestStalledReaderIsCut streams without end to a client that reads nothing. The
// writes must fail in time and end the request.
func TestStalledReaderIsCut(t *testing.T) {
	f := new(httpapi.Fake)
	f.Limits.Write = soon
	ended := make(chan error, 1)
	f.OnServe = func(_ context.Context, _ *llm.Request, w llm.Writer) error {
		err := w.Start(llm.Head{Status: 200, Stream: true})
		frame := bytes.Repeat([]byte("a"), 64<<10)
		for err == nil {
			err = w.Event(llm.Event{Frame: frame})
		}
		ended <- err
		return err
	}
	c := dial(t, start(t, f))
	c.send(fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(hello), hello))
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "client") {
		t.Errorf("the stream ended with %v", err)
	}
}

// TestWaitingIsNotCut answers long after every limit has passed: a model may take long.
func TestWaitingIsNotCut(t *testing.T) {
	f := new(httpapi.Fake)
	f.Limits = httpapi.Limits{Header: soon, BodyStall: soon, Write: soon, Idle: soon}
	f.OnServe = func(ctx context.Context, req *llm.Request, w llm.Writer) error {
		select {
		case <-time.After(4 * soon):
		case <-ctx.Done():
			return ctx.Err()
		}
		return sendLength(ctx, req, w)
	}
	resp, body := call(t, "POST", start(t, f), "/v1/chat/completions", hello)
	if resp.StatusCode != 200 || body != fmt.Sprint(len(hello)) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestTwoRequestsOnOneConnection(t *testing.T) {
	f := new(httpapi.Fake)
	f.OnServe = sendLength
	c := dial(t, start(t, f))
	one := fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(hello), hello)
	for range 2 {
		c.send(one)
		if status, _ := c.reply(); status != 200 {
			t.Errorf("status %d", status)
		}
	}
}
