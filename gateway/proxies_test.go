package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// proxyWait is how long what a proxy holds back is waited for.
const proxyWait = 30 * time.Second

// reverseProxies run with the snippets of the operator's guide, on a socket.
var reverseProxies = []struct {
	program, fence string
	// config is the rest of the configuration around the snippet.
	config func(snippet, dir, socket string) string
	args   func(file string) []string
}{
	{"nginx", "nginx", func(snippet, dir, socket string) string {
		user := ""
		if os.Getuid() == 0 {
			user = "user root;" // who owns dir
		}
		return fmt.Sprintf(`daemon off; %s pid %[2]s/pid; worker_processes 1; error_log stderr; events {}
http {
  access_log off; client_body_temp_path %[2]s/1; proxy_temp_path %[2]s/2; fastcgi_temp_path %[2]s/3; uwsgi_temp_path %[2]s/4; scgi_temp_path %[2]s/5;
  server { listen unix:%s; %s }
}`, user, dir, socket, snippet)
	}, func(file string) []string { return []string{"-c", file, "-e", "stderr"} }},
	{"caddy", "caddyfile", func(snippet, dir, socket string) string {
		snippet = strings.Replace(snippet, "ai.example.com {", "http://ai.example.com {\n    bind unix/"+socket, 1)
		return fmt.Sprintf("{\n    admin off\n    storage file_system %s\n}\n%s", dir, snippet)
	}, func(file string) []string { return []string{"run", "--adapter", "caddyfile", "--config", file} }},
}

// Behind each proxy of the operator's guide, events of a stream pass at once, a caller who hangs up
// ends the call of the provider, and bodies of the size that the gateway takes pass.
func TestProxies(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../examples/operate/README.md")
	if err != nil {
		t.Fatal(err)
	}
	provider := newSteppedProvider(t)
	dir := t.TempDir()
	config := fmt.Sprintf(`listen: 127.0.0.1:0
admin: {listen: 127.0.0.1:0}
keys: off
providers: {up: {dialect: openai, base_url: %q, allow_private: true, api_key: env:OPENAI_API_KEY}}
models: {m: {targets: [up/m]}}
ledger: sqlite://%s/penstock.db
server: {drain_delay: 0s}
`, provider.URL, dir)
	serveOnce(t, filepath.Join(dir, "penstock.yaml"), config, func(api, _ string) {
		for _, p := range reverseProxies {
			t.Run(p.program, func(t *testing.T) {
				m := regexp.MustCompile("(?s)```" + p.fence + "\n(.*?)```").FindSubmatch(guide)
				if m == nil || !strings.Contains(string(m[1]), "127.0.0.1:8080") {
					t.Fatalf("the guide has no snippet for %s, or none for this gateway", p.program)
				}
				snippet := strings.ReplaceAll(string(m[1]), "127.0.0.1:8080", strings.TrimPrefix(api, "http://"))
				socket, _ := llmtest.OnSocket(t, p.program, func(dir, socket string) []string {
					file := filepath.Join(dir, "config")
					if err := os.WriteFile(file, []byte(p.config(snippet, dir, socket)), 0o600); err != nil {
						t.Fatal(err)
					}
					return p.args(file)
				})
				ctx, stop := context.WithTimeout(t.Context(), proxyWait)
				defer stop()
				testProxy(ctx, t, provider, overSocket(t, socket))
			})
		}
	})
}

// The requests that are sent through each proxy: one with a large body, and streams as events and
// as a JSON array, which a proxy does not know for a stream by its type.
const (
	chatPath   = "/v1/chat/completions"
	chatBody   = `{"model": "m", "messages": [{"role": "user", "content": "%s"}]}`
	streamBody = `{"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]}`
	arrayPath  = "/v1beta/models/m:streamGenerateContent"
	arrayBody  = `{"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}`
)

func testProxy(ctx context.Context, t *testing.T, provider *steppedProvider, client *http.Client) {
	resp := post(ctx, t, client, chatPath, fmt.Sprintf(chatBody, strings.Repeat("x", 12<<20)))
	if resp.StatusCode != http.StatusOK {
		t.Errorf("a body of 12 MiB: status %d", resp.StatusCode)
	}
	resp.Body.Close()
	testStream(ctx, t, provider, client, chatPath, streamBody)
	testStream(ctx, t, provider, client, arrayPath, arrayBody)
}

// testStream reads three words, each before the provider may send the next, and hangs up.
func testStream(ctx context.Context, t *testing.T, provider *steppedProvider, client *http.Client, path, body string) {
	provider.step(ctx, t) // the gateway's reply begins with the provider's
	resp := post(ctx, t, client, path, body)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Penstock-Request-Id") == "" {
		t.Fatalf("%s: status %d, headers %v", path, resp.StatusCode, resp.Header)
	}
	var read []byte
	for i := range 3 {
		if i > 0 {
			provider.step(ctx, t)
		}
		for word := fmt.Sprintf(`"word%d"`, i); !strings.Contains(string(read), word); {
			part := make([]byte, 4<<10)
			n, err := resp.Body.Read(part)
			if read = append(read, part[:n]...); err != nil && !strings.Contains(string(read), word) {
				t.Fatalf("%s: the stream ended before %s: %v", path, word, err)
			}
		}
	}
	resp.Body.Close()
	select {
	case <-provider.gone:
	case <-ctx.Done():
		t.Errorf("%s: the caller has hung up, and the provider's call goes on", path)
	}
}

func post(ctx context.Context, t *testing.T, client *http.Client, path, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://ai.example.com"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// overSocket is a client whose connections all go to a socket.
func overSocket(t *testing.T, socket string) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// steppedProvider streams one event for every step, without an end.
type steppedProvider struct {
	*httptest.Server
	steps chan struct{}
	// gone gets a value when a stream's caller has hung up.
	gone chan struct{}
}

func newSteppedProvider(t *testing.T) *steppedProvider {
	p := &steppedProvider{steps: make(chan struct{}, 1), gone: make(chan struct{}, 8)}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *steppedProvider) serve(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Stream bool }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !asked.Stream {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(llmtest.Chat{Text: "ok"}.OpenAI()))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	for i := 0; ; i++ {
		select {
		case <-p.steps:
			fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"word%d\"}}]}\n\n", i)
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			p.gone <- struct{}{}
			return
		}
	}
}

// step lets the provider send one event.
func (p *steppedProvider) step(ctx context.Context, t *testing.T) {
	t.Helper()
	select {
	case p.steps <- struct{}{}:
	case <-ctx.Done():
		t.Fatal("nobody reads the provider's stream")
	}
}
