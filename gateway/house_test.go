package main

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

	"github.com/penstock/penstock/gateway/internal/httpapi"
)

// house is a gateway inside the test process, with its whole wiring, in front of
// upstreams that the test provides.
type house struct {
	*gateway
	URL string
	log *testLog
}

// openHouse puts a gateway together from a configuration. $UPSTREAM in it is
// replaced by the address of the handler.
func openHouse(t *testing.T, upstream http.Handler, config string) *house {
	t.Helper()
	return openHouseIn(t, t.TempDir(), upstream, config)
}

// openHouseIn is openHouse with a folder for the configuration, in which more can be put
// before it is read.
func openHouseIn(t *testing.T, dir string, upstream http.Handler, config string, prepare ...func()) *house {
	t.Helper()
	for _, f := range prepare {
		f()
	}
	up := httptest.NewServer(upstream)
	t.Cleanup(up.Close)
	path := filepath.Join(dir, "penstock.yaml")
	text := os.Expand(config, func(name string) string {
		if name == "UPSTREAM" {
			return up.URL
		}
		return "$" + name
	})
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &testLog{t: t}
	a := &app{getenv: testEnv(t), stdout: io.Discard, stderr: log, config: path}
	g := a.newGateway()
	if err := g.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(g.apiOptions(g.world.Load().config))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.Data)
	t.Cleanup(func() {
		server.Close()
		if err := g.close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return &house{gateway: g, URL: server.URL + "/v1", log: log}
}

// testEnv is an environment with a place for compiled modules and a key.
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
		}
		return ""
	}
}

// testLog writes the gateway's log to the test's, and keeps it.
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

// String is all that has been logged.
func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// post sends a chat request and reads the whole reply.
func (h *house) post(t *testing.T, body string, header ...string) (*http.Response, []byte) {
	t.Helper()
	resp := h.send(t, body, header...)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		got = fmt.Appendf(got, "(broken off: %v)", err)
	}
	return resp, got
}

// send sends a chat request. The caller closes the reply's body.
func (h *house) send(t *testing.T, body string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+"/chat/completions", strings.NewReader(body))
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
