package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey Secret = "sk-canary-0123456789"

// dial makes a client for a server on this machine, with testKey unless there is a signer.
func dial(t testing.TB, o Options) *Client {
	t.Helper()
	o.AllowPrivate = true
	if o.Signer == nil {
		o.Signer = Bearer(testKey)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

var call = llm.Call{Path: "/chat/completions", Body: []byte(`{"model":"m"}`)}

// readText reads an answer to its end.
func readText(a *llm.Answer) (string, error) {
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	return string(b), err
}

func TestDoSendsTheCallAndNothingElse(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.JSON(200, `{"id":"x"}`))
	tests := []struct {
		signer Signer
		want   http.Header
	}{
		{Bearer(testKey), http.Header{"Authorization": {"Bearer " + string(testKey)}}},
		{XAPIKey(testKey), http.Header{"X-Api-Key": {string(testKey)}}},
		{APIKey(testKey), http.Header{"Api-Key": {string(testKey)}}},
		{XGoogAPIKey(testKey), http.Header{"X-Goog-Api-Key": {string(testKey)}}},
	}
	for i, tt := range tests {
		c := dial(t, Options{BaseURL: s.URL + "/v1/", Signer: tt.signer, Header: http.Header{"openai-organization": {"org"}}, UserAgent: "penstock/1"})
		a, err := c.Do(t.Context(), llm.Call{Path: "/messages", Query: "beta=true", Body: []byte("{}"), Header: http.Header{
			"Anthropic-Version": {"2023-06-01"}, "Host": {"evil"}, "Cookie": {"a=b"}, "Accept-Encoding": {"gzip"}}})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readText(a); got != `{"id":"x"}` || a.Status != 200 || err != nil {
			t.Errorf("answer = %d %q, %v", a.Status, got, err)
		}
		want := tt.want
		for k, v := range map[string]string{"Anthropic-Version": "2023-06-01", "Openai-Organization": "org", "User-Agent": "penstock/1",
			"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity", "Content-Length": "2"} {
			want.Set(k, v)
		}
		r := s.Requests()[i]
		if diff := cmp.Diff(want, r.Header); diff != "" {
			t.Errorf("headers sent with %v, -want +got:\n%s", tt.signer, diff)
		}
		if r.Method != "POST" || r.Path != "/v1/messages" || r.Query != "beta=true" || string(r.Body) != "{}" {
			t.Errorf("sent %s %s?%s %q", r.Method, r.Path, r.Query, r.Body)
		}
	}
}

func TestNoCallReplacesTheKey(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.JSON(200, `{}`))
	c := dial(t, Options{BaseURL: s.URL})
	a, err := c.Do(t.Context(), llm.Call{Path: "/models", Method: "GET", Header: http.Header{"authorization": {"Bearer client"}}})
	if err != nil {
		t.Fatal(err)
	}
	a.Body.Close()
	r := s.Requests()[0]
	if got := r.Header.Values("Authorization"); len(got) != 1 || got[0] != "Bearer "+string(testKey) {
		t.Errorf("Authorization = %q, want the provider's key alone", got)
	}
	if r.Method != "GET" {
		t.Errorf("method = %s, want GET", r.Method)
	}
}

func TestReplyHeadersAreCleaned(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.Garbage("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"+
		"Keep-Alive: timeout=5\r\nX-Request-Id: r1\r\nContent-Length: 2\r\n\r\n{}"))
	a, err := dial(t, Options{BaseURL: s.URL}).Do(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	for _, name := range []string{"Set-Cookie", "Connection", "X-Hop", "Keep-Alive"} {
		if v, ok := a.Header[name]; ok {
			t.Errorf("header %s = %q, want it gone", name, v)
		}
	}
	if a.Header.Get("X-Request-Id") != "r1" {
		t.Error("X-Request-Id is lost")
	}
}

func TestNewRefusesBadBaseURLs(t *testing.T) {
	for _, base := range []string{"", "api.openai.com/v1", "ftp://x", "https://", "https://user:secret@x/", "https://x/?a=b",
		"https://x/#f", "http://[::1", "https://sk-secret\x7f"} {
		if _, err := New(Options{BaseURL: base}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("New(%q) = %v, want an error that gives nothing away", base, err)
		}
	}
}

func TestKeyDoesNotShow(t *testing.T) {
	o := Options{BaseURL: "https://x", Signer: Bearer(testKey), Proxy: testKey, Header: http.Header{"X-Secret": {string(testKey)}}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", testKey, "options", o, "signer", o.Signer)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", testKey, "signer", o.Signer)
	encoded, err := json.Marshal(map[string]any{"k": testKey, "s": o.Signer})
	if err != nil {
		t.Fatal(err)
	}
	all := log.String() + string(encoded) + fmt.Sprintf("%v %+v %#v %s %q %v", testKey, o, o, testKey, testKey, []Secret{testKey}) +
		fmt.Sprintf("%v %+v %#v %q %+v", o.Signer, o.Signer, o.Signer, o.Signer, struct{ inner Signer }{o.Signer})
	if strings.Contains(all, "canary") {
		t.Errorf("the key shows: %s", all)
	}
}

func TestKeyIsRedactedInErrorReplies(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.JSON(401, `{"error":{"message":"Incorrect API key provided: `+string(testKey)+`.","type":"x","param":null,"code":null}}`))
	a, err := dial(t, Options{BaseURL: s.URL}).Do(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	e := readError(a)
	if e.Fault != llm.FaultAuth || strings.Contains(e.Message+string(e.Body), "canary") || !strings.Contains(e.Message, "REDACTED") {
		t.Errorf("error = %v with body %s, want the key redacted", e, e.Body)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var opened atomic.Int32
	stream := llmtest.SSE("a", "[DONE]")
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/stream":
			llmtest.Handler(stream).ServeHTTP(w, r)
		case "/error":
			llmtest.Handler(llmtest.JSON(500, strings.Repeat("x", 1000))).ServeHTTP(w, r)
		default:
			llmtest.Handler(llmtest.JSON(200, "{}")).ServeHTTP(w, r)
		}
	}))
	h.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	h.Start()
	defer h.Close()
	c := dial(t, Options{BaseURL: h.URL})
	c.drain = time.Minute // however busy the machine is
	for range 5 {
		for _, path := range []string{"/plain", "/stream", "/error"} {
			a, err := c.Do(t.Context(), llm.Call{Path: path, Stream: path == "/stream"})
			if err != nil {
				t.Fatal(err)
			}
			// A stream is read up to its last event and not to its end.
			if _, err := io.ReadFull(a.Body, make([]byte, 2)); err != nil {
				t.Fatal(err)
			}
			if path == "/stream" {
				if _, err := io.ReadFull(a.Body, make([]byte, len("data: a\n\ndata: [DONE]\n\n")-2)); err != nil {
					t.Fatal(err)
				}
			}
			a.Body.Close()
			a.Body.Close()
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 15 calls one after the other, want 1", n)
	}
}

func TestCloseDropsALongReply(t *testing.T) {
	gone := make(chan struct{})
	s := llmtest.NewServer(t, llmtest.Steps(llmtest.SSE("a"), llmtest.Gone(gone)))
	a, err := dial(t, Options{BaseURL: s.URL}).Do(t.Context(), llm.Call{Stream: true})
	if err != nil {
		t.Fatal(err)
	}
	a.Body.Close()
	<-gone // the provider hears of it
	if _, err := a.Body.Read(make([]byte, 1)); err == nil {
		t.Error("Read after Close gave no error")
	}
}

func TestClientHammer(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.JSON(200, llmtest.Chat{}.OpenAI()))
	c := dial(t, Options{BaseURL: s.URL})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := range 30 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%5 == 0 {
					cancel()
				}
				a, err := c.Do(ctx, llm.Call{Path: "/x", Body: []byte("{}"), Header: http.Header{"A": {"b"}}})
				if err == nil {
					_, err = readText(a)
				}
				if f := faultOf(err); f != llm.FaultNone && f != llm.FaultCanceled {
					t.Errorf("call %d: %v", i, err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

// TestAPathGoesOutAsItIsWritten: an escape in it means what it means in a URL.
func TestAPathGoesOutAsItIsWritten(t *testing.T) {
	var asked string
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = r.RequestURI }))
	defer up.Close()
	for base, under := range map[string]string{up.URL + "/v1": "/v1", up.URL: "", up.URL + "/a%2Fb": "/a%2Fb"} {
		c, err := New(Options{BaseURL: base, AllowPrivate: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/chat/completions", "/models/org%2Fname:generate", "/a%20b", "/100%25", "/%C3%BC"} {
			a, err := c.Do(t.Context(), llm.Call{Path: path, Method: "GET"})
			if err != nil {
				t.Fatal(err)
			}
			a.Body.Close()
			if asked != under+path {
				t.Errorf("%s was asked for as %s", under+path, asked)
			}
		}
		c.Close()
	}
}
