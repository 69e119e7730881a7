package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// goExample builds an example plugin in Go, as its Makefile does.
func goExample(t *testing.T, name string) string {
	t.Helper()
	return goPlugin(t, filepath.Join("..", "..", "..", "examples", name), "")
}

// goPlugin builds the plugin in a folder, with a build tag.
func goPlugin(t *testing.T, dir, tag string) string {
	t.Helper()
	name := filepath.Base(dir)
	out := filepath.Join(t.TempDir(), name+".wasm")
	c := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-trimpath", "-tags="+tag, "-o", out, ".")
	c.Dir = dir
	c.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if msg, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, msg)
	}
	return out
}

// ask sends what an Ollama client does.
func (h *testServer) ask(t *testing.T, path, body string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Post(strings.TrimSuffix(h.URL, "/v1")+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

// TestAnEndpointOfAPlugin has Ollama's clients talk to providers that speak OpenAI's and
// Anthropic's formats.
func TestAnEndpointOfAPlugin(t *testing.T) {
	up := &speaker{text: "The wheel turns."}
	var broken bool
	h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken {
			llmtest.Handler(llmtest.Frames(llmtest.Chat{Text: up.text}.OpenAIChunks(false)[:2]...)).ServeHTTP(w, r)
			return
		}
		up.ServeHTTP(w, r)
	}), fmt.Sprintf(`
keys: off
providers:
  up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}
  an: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
models:
  o: {targets: [up/m], retries: {attempts: 1}}
  a: {targets: [an/m], retries: {attempts: 1}}
plugins:
  ollama-endpoint: {file: %s}
endpoints:
  /api/*: {dialect: ollama-endpoint, stream_type: application/x-ndjson}
ledger: "sqlite://:memory:"
`, goExample(t, "ollama-endpoint")))
	for _, model := range []string{"o", "a"} {
		request := `{"model":"` + model + `","messages":[{"role":"user","content":"hi"}],"options":{"num_predict":50},"stream":%t}`
		resp, body := h.ask(t, "/api/chat", fmt.Sprintf(request, false))
		if reply := gjson.Parse(body); resp.StatusCode != 200 || reply.Get("message.content").Str != up.text || !reply.Get("done").Bool() || reply.Get("eval_count").Int() == 0 {
			t.Errorf("%s: %d %s", model, resp.StatusCode, body)
		}
		if r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Request-Id")); err != nil || r.Dialect != "ollama-endpoint" {
			t.Errorf("%s: the record says %+v, %v", model, r, err)
		}
		if asked := gjson.Parse(*up.asked.Load()); asked.Get("max_tokens").Int() != 50 {
			t.Errorf("%s: the provider was asked %s", model, asked)
		}
		resp, body = h.ask(t, "/api/chat", fmt.Sprintf(request, true))
		text, last := "", gjson.Result{}
		for line := range strings.Lines(body) {
			last = gjson.Parse(line)
			text += last.Get("message.content").Str
		}
		if text != up.text || !last.Get("done").Bool() || last.Get("eval_count").Int() == 0 || resp.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("%s: %s %s", model, resp.Header.Get("Content-Type"), body)
		}
	}
	if resp, body := h.ask(t, "/api/chat", `{"model":"nobody","messages":[{"role":"user","content":"hi"}]}`); resp.StatusCode != 404 || !strings.HasPrefix(body, `{"error":"The model \"nobody\"`) {
		t.Errorf("a model that is not there: %d %s", resp.StatusCode, body)
	}
	if resp, body := h.ask(t, "/api/chat", `{"model":"o","messages":[]}`); resp.StatusCode != 400 || !strings.HasPrefix(body, `{"error":"In the canonical form of this request: messages is empty`) {
		t.Errorf("no messages: %d %s", resp.StatusCode, body)
	}
	if resp, body := h.ask(t, "/api/tags", `{}`); resp.StatusCode != 404 || body != `{"error":"There is only POST /api/chat here."}` {
		t.Errorf("a path that the plugin does not know: %d %s", resp.StatusCode, body)
	}
	if resp, body := h.ask(t, "/apis", `{}`); resp.StatusCode != 404 || !strings.Contains(body, `"code":`) {
		t.Errorf("a path that is not the plugin's: %d %s", resp.StatusCode, body)
	}
	broken = true
	if _, body := h.ask(t, "/api/chat", `{"model":"o","messages":[{"role":"user","content":"hi"}]}`); !strings.HasSuffix(strings.TrimSpace(body), "{\"error\":\"The provider's stream ended before the answer was complete.\"}") {
		t.Errorf("a stream that breaks off: %s", body)
	}
}

// TestAnEndpointNeedsADialectForCallers checks that the error has the place where the
// configuration names a plugin of another kind.
func TestAnEndpointNeedsADialectForCallers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "penstock.yaml")
	config := "keys: off\nplugins:\n  house-style: {file: " + sdkExample(t, "go", "house-style") +
		", with: {styles: {}}}\nendpoints:\n  /x: {dialect: house-style}\n"
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Options{Config: path, Getenv: testEnv(t), Stderr: io.Discard})
	if err == nil {
		_ = s.Close(t.Context())
		t.Fatal("it was opened")
	}
	if want := `penstock.yaml:5:17: endpoints["/x"].dialect: module house-style is not a client dialect: it does not export penstock_accept_request`; !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
