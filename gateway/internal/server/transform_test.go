package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// sdkExample is the path of an SDK's example plugin, built by make sdk. Without it the
// test is skipped, but not in CI.
func sdkExample(t *testing.T, lang, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "..", "sdk", lang, "build", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v: make sdk builds it", err)
		}
		t.Skipf("%v: make sdk builds it", err)
	}
	return path
}

// speaker answers in OpenAI's or Anthropic's format, by the path it is asked at, and
// remembers what it was asked last.
type speaker struct {
	text  string
	asked atomic.Pointer[string]
}

func (s *speaker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	asked := string(body)
	s.asked.Store(&asked)
	chat := llmtest.Chat{Text: s.text}
	stream := gjson.GetBytes(body, "stream").Bool()
	switch anthropic := strings.HasSuffix(r.URL.Path, "/messages"); {
	case stream && anthropic:
		llmtest.Handler(llmtest.Frames(chat.AnthropicEvents()...)).ServeHTTP(w, r)
	case stream:
		llmtest.Handler(llmtest.Frames(chat.OpenAIChunks(true)...)).ServeHTTP(w, r)
	case anthropic:
		llmtest.Handler(llmtest.JSON(200, chat.Anthropic())).ServeHTTP(w, r)
	default:
		llmtest.Handler(llmtest.JSON(200, chat.OpenAI())).ServeHTTP(w, r)
	}
}

// transforming is a gateway whose route passes through the example transforms of one
// SDK.
func transforming(t *testing.T, up http.Handler, target string) *testServer {
	t.Helper()
	return openTestServer(t, up, fmt.Sprintf(`
keys: off
providers:
  up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}
  an: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
models:
  m: {targets: [%s], transform: [house-style, redact], retries: {attempts: 1}}
plugins:
  house-style: {file: %s, with: {styles: {"up/*": "Be brief.", "an/*": "Be kind."}}}
  redact: {file: %s}
ledger: "sqlite://:memory:"
`, target, sdkExample(t, "go", "house-style"), sdkExample(t, "go", "redact")))
}

func TestTransformsOnARoute(t *testing.T) {
	const mail = "Write to jane.doe+x@example.co.uk, please."
	for _, tt := range []struct{ target, system, style string }{
		{"up/m", "messages.0.content", "Be brief.\n\nYou are a poet."},
		{"an/m", "system", "Be kind.\n\nYou are a poet."},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.target, " stream ", stream), func(t *testing.T) {
				up := &speaker{text: mail}
				h := transforming(t, up, tt.target)
				resp, body := h.post(t, fmt.Sprintf(`{"model":"m","stream":%v,"messages":[{"role":"system","content":"You are a poet."},{"role":"user","content":"hi"}]}`, stream))
				if resp.StatusCode != 200 {
					t.Fatalf("%s: %s", resp.Status, body)
				}
				system := gjson.Get(*up.asked.Load(), tt.system)
				if system.IsArray() {
					system = system.Get("0.text")
				}
				if system.String() != tt.style {
					t.Errorf("the provider was asked with %q, want %q\n%s", system, tt.style, *up.asked.Load())
				}
				if got := textOf(body, stream); got != "Write to [redacted], please." {
					t.Errorf("the caller reads %q\n%s", got, body)
				}
				if stream && !bytes.HasSuffix(body, []byte("data: [DONE]\n\n")) {
					t.Errorf("the stream does not end: %s", body)
				}
				r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
				if err != nil || r.Usage.Input != 10 || r.Usage.Output != 5 {
					t.Errorf("usage %+v, %v: want the provider's", r.Usage, err)
				}
				if done := r.Attempts[0].Transforms; len(done) != 2 || !done[0].Changed || !done[1].Changed || done[1].Plugin != "redact" {
					t.Errorf("the record says of the plugins %+v", done)
				}
			})
		}
	}
}

// textOf puts the text of a completion, or of a stream's chunks, together.
func textOf(body []byte, stream bool) string {
	if !stream {
		return gjson.GetBytes(body, "choices.0.message.content").String()
	}
	var text strings.Builder
	for frame := range bytes.SplitSeq(body, []byte("\n\n")) {
		text.WriteString(gjson.GetBytes(bytes.TrimPrefix(frame, []byte("data: ")), "choices.0.delta.content").String())
	}
	return text.String()
}

// TestATransformsRefusalReachesTheCaller sends what house-style can't work with.
func TestATransformsRefusalReachesTheCaller(t *testing.T) {
	binary := sdkExample(t, "go", "house-style")
	h := openTestServer(t, &speaker{}, `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models: {m: {targets: [up/m], transform: [style]}}
plugins: {style: {file: `+binary+`, with: {styles: {"*": x}}, fuel: 1000}}
ledger: "sqlite://:memory:"
`)
	resp, body := h.post(t, `{"model":"m",`+hello+`}`)
	if code := gjson.GetBytes(body, "error.code").String(); resp.StatusCode != 502 || code != "internal_error" || !strings.Contains(string(body), "The plugin style failed") {
		t.Errorf("a plugin out of fuel: %s %s", resp.Status, body)
	}
	bad := h.writeConfig(t, strings.ReplaceAll(h.configText(t), "styles: {\"*\": x}", "styles: {\"*\": 5}"))
	if err := h.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "styles must be an object of strings") {
		t.Errorf("reload with settings that the plugin refuses = %v\n%s", err, bad)
	}
}

// TestReloadsUnderLoad reloads a plugin again and again while requests and streams pass
// through it: none fails, and nothing of the old versions stays.
func TestReloadsUnderLoad(t *testing.T) {
	h := transforming(t, &speaker{text: "jane@example.com writes."}, "up/m")
	reloads := 50
	if testing.Short() {
		reloads = 20
	}
	modulesBefore, _ := h.modules.Live()
	text := h.configText(t)
	var stop atomic.Bool
	var wg sync.WaitGroup
	var answered atomic.Int64
	for i := range 4 {
		wg.Go(func() {
			for !stop.Load() {
				_, body := h.post(t, fmt.Sprintf(`{"model":"m","stream":%v,%s}`, i%2 == 0, hello))
				if got := textOf(body, i%2 == 0); got != "[redacted] writes." {
					t.Errorf("%q in %s", got, body)
					return
				}
				answered.Add(1)
			}
		})
	}
	for i := range reloads { // other settings each time, so that the plugin is a new one
		h.writeConfig(t, strings.ReplaceAll(text, "Be brief.", fmt.Sprint("Be brief ", i)))
		if err := h.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for seen := answered.Load(); answered.Load() < seen+8 && !t.Failed(); { // the last version answers, too
		_, _ = h.post(t, `{"model":"m",`+hello+`}`)
	}
	stop.Store(true)
	wg.Wait()
	h.closing.Wait()
	for n := -1; n != modulesBefore; n, _ = h.modules.Live() {
		if t.Context().Err() != nil {
			t.Fatalf("%d modules live, %d did before the reloads", n, modulesBefore)
		}
	}
	if w := h.snapshot.Load(); w.plugins["redact"].reloads != 0 || w.plugins["house-style"].reloads != int64(reloads) {
		t.Errorf("reloads %d and %d, want none of the plugin that did not change", w.plugins["redact"].reloads, w.plugins["house-style"].reloads)
	}
}

// configText is the configuration, writeConfig replaces it.
func (h *testServer) configText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(h.o.Config)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (h *testServer) writeConfig(t *testing.T, text string) string {
	t.Helper()
	if err := os.WriteFile(h.o.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return text
}
