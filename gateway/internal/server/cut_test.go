package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestCutIsNeverComplete cuts the reply of every provider, streamed and plain, at many of
// its bytes. No client, whatever it speaks, may take what it gets for the whole.
func TestCutIsNeverComplete(t *testing.T) {
	var at atomic.Int64
	chat := llmtest.Chat{Text: "from there"}
	streams := map[string]string{
		"/o/chat/completions":               string(joinFrames(chat.OpenAIChunks(true))),
		"/a/messages":                       string(joinFrames(chat.AnthropicEvents())),
		"/o/responses":                      string(joinFrames(chat.ResponsesEvents())),
		"/g/models/x:streamGenerateContent": string(joinFrames(chat.GeminiEvents())),
	}
	plain := map[string]string{
		"/o/chat/completions":         chat.OpenAI(),
		"/a/messages":                 chat.Anthropic(),
		"/o/responses":                chat.Responses(),
		"/g/models/x:generateContent": chat.Gemini(),
	}
	up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, _ := io.ReadAll(r.Body)
		body, n := plain[r.URL.Path], int(at.Load())
		w.Header().Set("Content-Type", "application/json")
		if streams[r.URL.Path] != "" && (body == "" || strings.Contains(string(asked), `"stream":true`)) {
			body = streams[r.URL.Path]
			w.Header().Set("Content-Type", "text/event-stream")
		}
		if body == "" {
			t.Errorf("the upstream was asked for %s", r.URL.Path)
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body))) // so that a cut is one
		_, _ = io.WriteString(w, body[:min(n, len(body))])
		if n < len(body) {
			_ = http.NewResponseController(w).Flush() // what is buffered is lost otherwise
			panic(http.ErrAbortHandler)
		}
	})
	h := openTestServer(t, up, `
keys: off
providers:
  o: {dialect: openai, also: [openai-responses], base_url: $UPSTREAM/o, allow_private: true, api_key: env:TEST_KEY}
  a: {dialect: anthropic, base_url: $UPSTREAM/a, allow_private: true, api_key: env:TEST_KEY}
  g: {dialect: gemini, base_url: $UPSTREAM/g, allow_private: true, api_key: env:TEST_KEY}
models:
  o: {targets: [o/x], retries: {attempts: 1}}
  a: {targets: [a/x], retries: {attempts: 1}}
  g: {targets: [g/x], retries: {attempts: 1}}
ledger: sqlite://penstock.db
`)
	clients, base := map[string]llmtest.Client{}, strings.TrimSuffix(h.URL, "/v1")
	for _, c := range llmtest.Clients() {
		clients[c.Name] = c
	}
	for _, pair := range []struct{ client, model, stream, plain string }{
		{"chat", "o", "/o/chat/completions", "/o/chat/completions"}, {"chat", "a", "/a/messages", "/a/messages"},
		{"messages", "a", "/a/messages", "/a/messages"}, {"messages", "o", "/o/chat/completions", "/o/chat/completions"},
		{"responses", "o", "/o/responses", "/o/responses"},
		{"generateContent", "g", "/g/models/x:streamGenerateContent", "/g/models/x:generateContent"},
	} {
		t.Run(pair.client+" from "+pair.model, func(t *testing.T) {
			check := func(n, size int, stream bool) {
				at.Store(int64(n))
				h.health.Forget(pair.model)
				seen, err := clients[pair.client].Ask(t.Context(), base, pair.model, "hi", stream)
				if err != nil {
					t.Fatal(err)
				}
				switch end := seen.Ending(); {
				case n == size && end != llmtest.EndWhole:
					t.Fatalf("the whole reply is %s: %d\n%s", end, seen.Status, seen.Body)
				case n < size && end != llmtest.EndRefused && (end != llmtest.EndInBand || !stream):
					t.Fatalf("cut at %d of %d the reply is %s:\n%s", n, size, end, seen.Body)
				case n < size && seen.Status != 200 && seen.Status < 500:
					t.Fatalf("cut at %d of %d: %d %s", n, size, seen.Status, seen.Body)
				}
			}
			for size, n := len(streams[pair.stream]), 0; n < size; n += 1 + size/40 {
				check(n, size, true)
			}
			for size, n := len(plain[pair.plain]), 0; n < size; n += 1 + size/20 {
				check(n, size, false)
			}
			check(len(streams[pair.stream]), len(streams[pair.stream]), true)
			check(len(plain[pair.plain]), len(plain[pair.plain]), false)
		})
	}
}

func joinFrames(frames [][]byte) (all []byte) {
	for _, f := range frames {
		all = append(all, f...)
	}
	return all
}
