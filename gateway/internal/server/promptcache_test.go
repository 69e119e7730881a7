package server

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestPromptsAreMarked sends long prompts of two clients, plain and streamed, to a target in
// Anthropic's format: each is marked for its cache, and the record says what that has saved.
func TestPromptsAreMarked(t *testing.T) {
	long := strings.Repeat("All work and no play. ", 400)
	chat := llmtest.Chat{Text: "fine", Usage: llm.Usage{Input: 3000, CacheRead: 2000, CacheWrite: 500, Output: 10}}
	var sent string
	up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = string(body)
		step := llmtest.JSON(200, chat.Anthropic())
		if strings.Contains(sent, `"stream":true`) {
			step = llmtest.Frames(chat.AnthropicEvents()...)
		}
		llmtest.Handler(step).ServeHTTP(w, r)
	})
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models:
  m: {prompt_cache: auto, targets: [{target: up/x, price: {input: 10, output: 50, cached: 1, cache_write: 12.5}}]}
  off: {targets: [{target: up/x, price: {input: 10, output: 50, cached: 1, cache_write: 12.5}}]}
ledger: sqlite://penstock.db
`)
	for path, body := range map[string]string{
		"/messages":         `{"model":"MODEL","max_tokens":99,"stream":STREAM,"system":"LONG","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}`,
		"/chat/completions": `{"model":"MODEL","stream":STREAM,"messages":[{"role":"system","content":"LONG"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}`,
		"/responses":        `{"model":"MODEL","stream":STREAM,"instructions":"LONG","input":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}`,
	} {
		for _, stream := range []string{"false", "true"} {
			for model, marks := range map[string]int{"m": 3, "off": 0} {
				resp, got := h.postTo(t, path, strings.NewReplacer("MODEL", model, "STREAM", stream, "LONG", long).Replace(body))
				if resp.StatusCode != 200 || strings.Count(sent, `"cache_control":{"type":"ephemeral"}`) != marks {
					t.Errorf("%s, stream %s, model %s: status %d, sent %.300s…, want %d marks: %s", path, stream, model, resp.StatusCode, sent[max(0, len(sent)-300):], marks, got)
					continue
				}
				r := awaitRecord(t, h, resp.Header.Get("X-Penstock-Request-Id"))
				// 2,000 tokens for 1 instead of 10 dollars a million, and 500 for 12.50.
				if want := llm.USD/1000*18 - llm.USD/100000*125; r.PromptSaved != want || r.Attempts[0].CacheMarks != marks {
					t.Errorf("%s, stream %s, model %s: the record has %d marks and %v saved, want %d and %v", path, stream, model, r.Attempts[0].CacheMarks, r.PromptSaved, marks, want)
				}
			}
		}
	}
}

// TestMarkedPromptsAreReserved has a budget that has room for a prompt, but not for one that is
// written to the provider's cache.
func TestMarkedPromptsAreReserved(t *testing.T) {
	up := llmtest.Handler(llmtest.JSON(200, llmtest.Chat{Text: "fine"}.Anthropic()))
	costs := map[string]llm.NanoUSD{}
	for _, mode := range []string{"auto", "off"} {
		h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {prompt_cache: `+mode+`, targets: [{target: up/x, price: {input: 10, output: 0, cache_write: 20}}]}}
ledger: sqlite://penstock.db
`)
		r, err := h.Explain(t.Context(), []byte(`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`), admin.Asker{})
		if err != nil {
			t.Fatal(err)
		}
		costs[mode] = r.Candidates[0].EstCost
	}
	if costs["off"] == 0 || costs["auto"] != 2*costs["off"] {
		t.Errorf("the worst case is %v with marks and %v without, want it doubled", costs["auto"], costs["off"])
	}
}
