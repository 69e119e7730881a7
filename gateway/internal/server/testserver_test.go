package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/penstock/penstock/gateway/internal/compiler"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/plugins"
)

// TestMain lets the server start this very binary to compile plugins.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == compiler.Verb {
		if err := compiler.Compile(context.Background(), os.Args[2], os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// testServer is a whole server inside the test process, in front of upstreams that the
// test provides.
type testServer struct {
	*Server
	URL string
	log *testLog
}

// openTestServer opens a server with a configuration, in which $UPSTREAM is replaced by
// the address of the handler.
func openTestServer(t *testing.T, upstream http.Handler, configuration string) *testServer {
	t.Helper()
	return openTestServerIn(t, t.TempDir(), upstream, configuration)
}

// openTestServerIn is openTestServer with a folder for the configuration, in which more
// can be put before it is read.
func openTestServerIn(t *testing.T, dir string, upstream http.Handler, configuration string, prepare ...func()) *testServer {
	t.Helper()
	for _, f := range prepare {
		f()
	}
	up := httptest.NewServer(upstream)
	t.Cleanup(up.Close)
	path := filepath.Join(dir, "penstock.yaml")
	text := os.Expand(configuration, func(name string) string {
		if name == "UPSTREAM" {
			return up.URL
		}
		return "$" + name
	})
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return serveTest(t, path)
}

// serveTest opens a server with a configuration file. openers replace parts of it before
// the rest is built.
func serveTest(t *testing.T, path string, openers ...func(*Server)) *testServer {
	t.Helper()
	log := &testLog{t: t}
	s := newServer(Options{Config: path, Getenv: testEnv(t), Stderr: log})
	err := s.open(t.Context(), func(context.Context, *config.Config) error {
		for _, open := range openers {
			open(s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return &testServer{Server: s, URL: server.URL + "/v1", log: log}
}

// testEnv is an environment with a folder for compiled modules and a key.
func testEnv(t *testing.T) func(string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) string {
		switch name {
		case "PENSTOCK_CACHE_DIR":
			return filepath.Join(cache, "penstock-test")
		case "TEST_KEY":
			return "sk-canary-4711"
		case "TEST_SECRET":
			return "a secret of more than sixteen bytes"
		}
		return ""
	}
}

// testLog writes the server's log to the test's, and keeps it.
type testLog struct {
	t    *testing.T
	mu   sync.Mutex
	text strings.Builder
}

func (l *testLog) Write(p []byte) (int, error) {
	l.t.Logf("gateway: %s", p)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns all that has been logged.
func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// post sends a chat request and reads the whole reply.
func (h *testServer) post(t *testing.T, body string, header ...string) (*http.Response, []byte) {
	t.Helper()
	return h.postTo(t, "/chat/completions", body, header...)
}

// postTo is post to another path.
func (h *testServer) postTo(t *testing.T, path, body string, header ...string) (*http.Response, []byte) {
	t.Helper()
	resp := h.sendTo(t, path, body, header...)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		got = fmt.Appendf(got, "(broken off: %v)", err)
	}
	return resp, got
}

// send sends a chat request. The caller closes the reply's body.
func (h *testServer) send(t *testing.T, body string, header ...string) *http.Response {
	t.Helper()
	return h.sendTo(t, "/chat/completions", body, header...)
}

// sendTo is send to another path.
func (h *testServer) sendTo(t *testing.T, path, body string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// readFirst reads a request's body before it is answered: only then does an upstream
// notice that the gateway has closed the connection.
func readFirst(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h.ServeHTTP(w, r)
	})
}

func builtinModule(t *testing.T) []byte {
	t.Helper()
	binary, err := plugins.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}
