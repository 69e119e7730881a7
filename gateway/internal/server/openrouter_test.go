package server

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

const processing = ": OPENROUTER PROCESSING\n\n"

// openRouterChunk is a chunk as OpenRouter sends it.
func openRouterChunk(rest string) string {
	return `data: {"id":"gen-1","provider":"Anthropic","model":"anthropic/claude-sonnet-4.5","object":"chat.completion.chunk","created":1,` + rest + "}\n\n"
}

// TestOpenRouter streams through OpenRouter: comments before the first chunk, thinking in its two
// forms, usage in the last chunk beside a choice; then a failure within a stream of status 200. Clients
// of two dialects see the thinking, with its signature, and bring it back.
func TestOpenRouter(t *testing.T) {
	thinking := openRouterChunk(`"choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"Hm.","reasoning_details":[{"type":"reasoning.text","text":"Hm.","format":"anthropic-claude-v1","index":0}]},"finish_reason":null}]`) +
		openRouterChunk(`"choices":[{"index":0,"delta":{"content":"","reasoning":null,"reasoning_details":[{"type":"reasoning.text","signature":"sig","format":"anthropic-claude-v1","index":0}]},"finish_reason":null}]`)
	text := openRouterChunk(`"choices":[{"index":0,"delta":{"content":"Four."},"finish_reason":null}]`)
	end := openRouterChunk(`"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop","native_finish_reason":"end_turn"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,"cost":0.1}`) + "data: [DONE]\n\n"
	failure := openRouterChunk(`"error":{"code":502,"message":"Provider disconnected unexpectedly"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]`)
	var reply, asked atomic.Pointer[string]
	h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent := string(body)
		asked.Store(&sent)
		llmtest.Handler(llmtest.Steps(llmtest.Header("Content-Type", "text/event-stream"), llmtest.Write(*reply.Load()))).ServeHTTP(w, r)
	}), `
keys: off
providers: {openrouter: {base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [openrouter/anthropic/claude-sonnet-4.5], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	whole, broken := strings.Repeat(processing, 3)+thinking+text+processing+end, processing+thinking+text+failure
	for _, tt := range []struct{ name, path, body, stream, want, asked string }{
		{"OpenAI", "/chat/completions", `{"model":"m","stream":true,"reasoning":{"max_tokens":2000},"messages":[{"role":"assistant","content":"a","reasoning_details":[{"type":"reasoning.text", "text":"x"}]},{"role":"user","content":"hi"}]}`,
			whole, `"signature":"sig"`, `"reasoning":{"max_tokens":2000},"messages":[{"role":"assistant","content":"a","reasoning_details":[{"type":"reasoning.text", "text":"x"}]}`},
		{"Anthropic", "/messages", `{"model":"m","stream":true,"max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":2000},"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"s"},{"type":"text","text":"a"}]},{"role":"user","content":"go on"}]}`,
			whole, `"signature":"sig"`, `"reasoning_details":[{"type":"reasoning.text","text":"x","signature":"s","format":"anthropic-claude-v1","index":0}]`},
		{"OpenAI, broken", "/chat/completions", askM[:len(askM)-1] + `,"stream":true}`, broken, "Provider disconnected", ""},
		{"Anthropic, broken", "/messages", `{"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`, broken, "Provider disconnected", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reply.Store(&tt.stream)
			resp, body := h.postTo(t, tt.path, tt.body)
			got := string(body)
			served := resp.StatusCode == http.StatusOK && strings.Contains(got, "Four.")
			if !served && tt.stream == whole || !strings.Contains(got, tt.want) {
				t.Errorf("%d %s, want %s in it", resp.StatusCode, got, tt.want)
			}
			ended := strings.Contains(got, "[DONE]") || strings.Contains(got, "message_stop")
			if ended != (tt.stream == whole) {
				t.Errorf("shown as complete: %t\n%s", ended, got)
			}
			if !strings.Contains(*asked.Load(), tt.asked) {
				t.Errorf("asked %s, want %s in it", *asked.Load(), tt.asked)
			}
		})
	}
}
