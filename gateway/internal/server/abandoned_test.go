package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// stuck is a provider that sends the beginning of a stream, or nothing of a plain reply, and
// then waits until it is given up. It may send bytes without end instead.
type stuck struct {
	asked chan struct{}
	gone  chan time.Time
	// silent sends nothing of a stream either, endless never stops.
	silent, endless bool
	// sent counts the bytes of an endless stream that were taken.
	sent atomic.Int64
}

func newStuck() *stuck { return &stuck{asked: make(chan struct{}, 10), gone: make(chan time.Time, 10)} }

func (s *stuck) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	streamed := strings.Contains(string(body), `"stream":true`) || strings.Contains(r.URL.Path, ":stream")
	if streamed && !s.silent {
		w.Header().Set("Content-Type", "text/event-stream")
		all := streamAt(r.URL.Path, llmtest.Chat{Text: "one two three four five six"})
		if strings.Contains(r.URL.Path, ":stream") && r.URL.Query().Get("alt") != "sse" {
			w.Header().Set("Content-Type", "application/json")
			all = geminiArray(all)
		}
		_, _ = io.WriteString(w, all[:len(all)*2/3])
		_ = http.NewResponseController(w).Flush()
	}
	s.asked <- struct{}{}
	if s.endless {
		s.flood(w, r)
		return
	}
	<-r.Context().Done()
	s.gone <- time.Now()
}

// flood sends text until the connection breaks.
func (s *stuck) flood(w http.ResponseWriter, r *http.Request) {
	delta := `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"x","choices":[{"index":0,"delta":{"content":"` + strings.Repeat("x", 16<<10) + `"},"finish_reason":null}]}` + "\n\n"
	for r.Context().Err() == nil {
		n, err := io.WriteString(w, delta)
		s.sent.Add(int64(n))
		if err != nil {
			break
		}
	}
	s.gone <- time.Now()
}

// geminiArray is a stream of events as one JSON array.
func geminiArray(events string) string {
	var items []string
	for _, line := range strings.Split(events, "\n") {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			items = append(items, strings.TrimSpace(data))
		}
	}
	return "[" + strings.Join(items, "\n,\n") + "\n]"
}

// stuckClient is how a client asks, and what comes first of what its provider sent.
type stuckClient struct {
	name, path, body, first string
	// comment is what it is sent while its provider is silent; empty for nothing.
	comment string
}

const keepAliveComment = ": keep-alive\n\n"

func stuckClients() (all []stuckClient) {
	for _, client := range []string{"chat", "messages", "responses"} {
		for _, from := range []string{"chat", "messages", "responses"} {
			d := clientDialects[client]
			all = append(all,
				stuckClient{client + " from " + from, d.path, fmt.Sprintf(d.stream, from), "one", keepAliveComment},
				stuckClient{client + " from " + from + ", plain", d.path, fmt.Sprintf(d.plain, from), "", ""})
		}
	}
	return append(all,
		stuckClient{"gemini", "/models/gemini:streamGenerateContent?alt=sse", geminiBody, "one", ""},
		stuckClient{"gemini, one array", "/models/gemini:streamGenerateContent", geminiBody, "one", ""},
		stuckClient{"gemini, plain", "/models/gemini:generateContent", geminiBody, "", ""})
}

// stuckModels are routes to a provider of each dialect.
const stuckModels = `
keys: off
providers:
  chat: {dialect: openai, base_url: $UPSTREAM, allow_private: true}
  messages: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true}
  responses: {dialect: openai-responses, base_url: $UPSTREAM, allow_private: true}
  gemini: {dialect: gemini, base_url: $UPSTREAM, allow_private: true}
models:
  chat: {targets: [chat/x], timeout: {keep_alive: $KEEP}}
  messages: {targets: [messages/x], timeout: {keep_alive: $KEEP}}
  responses: {targets: [responses/x], timeout: {keep_alive: $KEEP}}
  gemini: {targets: [gemini/x], timeout: {keep_alive: $KEEP}}
ledger: sqlite://penstock.db
`

// dial sends a request on a connection of its own, which the caller closes.
func (h *testServer) dial(t *testing.T, path, body string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(h.URL, "http://"), "/v1"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST /v1%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	if err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// TestAbandonedRequestsEndUpstream hangs up in the middle of a stream, and before a plain reply
// has begun. The provider's connection must end at once, and the request be settled on what
// was seen.
func TestAbandonedRequestsEndUpstream(t *testing.T) {
	up := newStuck()
	h := openTestServer(t, up, strings.ReplaceAll(stuckModels, "$KEEP", "0s"))
	for _, c := range stuckClients() {
		t.Run(c.name, func(t *testing.T) {
			conn, r := h.dial(t, c.path, c.body)
			<-up.asked
			id := ""
			if c.first != "" {
				resp, err := http.ReadResponse(r, nil)
				if err != nil || resp.StatusCode != 200 {
					t.Fatalf("%v, %v", resp, err)
				}
				id = resp.Header.Get("X-Penstock-Request-Id")
				readUntil(t, resp.Body, c.first)
			}
			left := time.Now()
			conn.Close()
			took := (<-up.gone).Sub(left) // the package's time limit bounds the wait
			t.Logf("the provider noticed after %v", took)
			until(t, "the request is over", func() bool { return h.inflight() == 0 })
			if id == "" {
				return
			}
			record, err := h.ledger.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if record.Status != 499 || record.Usage.Output == 0 || record.Usage.Input == 0 {
				t.Errorf("status %d, usage %+v; want 499 and what was seen", record.Status, record.Usage)
			}
		})
	}
	if h.capacity.Full(&llm.Target{ID: "chat/x", Provider: "chat", MaxInflight: 1}, llm.PriorityNormal) {
		t.Error("an attempt is still counted")
	}
}

// readUntil reads a body until it has a text.
func readUntil(t *testing.T, r io.Reader, text string) string {
	t.Helper()
	var got strings.Builder
	buf := make([]byte, 4<<10)
	for !strings.Contains(got.String(), text) {
		n, err := r.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			t.Fatalf("%v after %q, want %q", err, got.String(), text)
		}
	}
	return got.String()
}

// TestKeepAliveInEveryFormat has a provider that says nothing. Clients of event streams are
// sent comments; those of a JSON array or of a plain reply nothing at all, since nothing can
// stand there.
func TestKeepAliveInEveryFormat(t *testing.T) {
	up := newStuck()
	up.silent = true
	h := openTestServer(t, up, strings.ReplaceAll(stuckModels, "$KEEP", "10ms"))
	witness := clientDialects["chat"]
	for _, c := range stuckClients() {
		t.Run(c.name, func(t *testing.T) {
			conn, r := h.dial(t, c.path, c.body)
			defer func() {
				conn.Close()
				<-up.gone
			}()
			<-up.asked
			if c.comment != "" {
				resp, err := http.ReadResponse(r, nil)
				if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
					t.Fatalf("%v, %v", resp, err)
				}
				if got := readUntil(t, resp.Body, c.comment+c.comment); strings.Trim(got, c.comment) != "" {
					t.Errorf("got %q, want comments only", got)
				}
				return
			}
			// By the time another stream has got three comments, this one must have got nothing.
			other, or := h.dial(t, witness.path, fmt.Sprintf(witness.stream, "chat"))
			<-up.asked
			resp, err := http.ReadResponse(or, nil)
			if err != nil {
				t.Fatal(err)
			}
			readUntil(t, resp.Body, strings.Repeat(keepAliveComment, 3))
			other.Close()
			<-up.gone
			if err := conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if b, err := r.ReadByte(); err == nil {
				t.Errorf("was sent %q, want nothing", b)
			}
		})
	}
}

// TestSlowReaderIsCut has a caller that takes nothing of an endless stream: it is cut after
// server.write_timeout, the provider's connection with it, and nothing piles up meanwhile.
func TestSlowReaderIsCut(t *testing.T) {
	up := newStuck()
	up.endless = true
	h := openTestServer(t, up, `
keys: off
server: {write_timeout: 200ms}
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models: {m: {targets: [up/x]}}
ledger: sqlite://penstock.db
`)
	api := h.api.Load()
	s := httptest.NewUnstartedServer(h.Handler())
	s.Listener = api.Listener(s.Listener)
	s.Start()
	defer s.Close()
	h.URL = s.URL + "/v1"
	conn, r := h.dial(t, "/chat/completions", fmt.Sprintf(clientDialects["chat"].stream, "m"))
	defer conn.Close()
	<-up.asked
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := resp.Header.Get("X-Penstock-Request-Id")
	<-up.gone
	until(t, "the request is over", func() bool { return h.inflight() == 0 && h.heldBytes() == 0 })
	// What the kernel buffers of two connections, and little of the gateway's own.
	if sent := up.sent.Load(); sent > 64<<20 {
		t.Errorf("the provider could send %d bytes to a caller that took nothing", sent)
	} else {
		t.Logf("the provider could send %d bytes", sent)
	}
	record, err := h.ledger.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if record.Status < 400 || record.Usage.Output == 0 {
		t.Errorf("status %d, usage %+v; want an error, and what was sent", record.Status, record.Usage)
	}
}
