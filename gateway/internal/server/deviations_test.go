package server

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestRequestDeviations sends what Mistral refuses or calls otherwise to a target with
// Mistral's facts.
func TestRequestDeviations(t *testing.T) {
	var asked atomic.Pointer[string]
	up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		text := string(body)
		asked.Store(&text)
		llmtest.Handler(llmtest.JSON(200, llmtest.Chat{Text: "fine"}.OpenAI())).ServeHTTP(w, r)
	})
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY, catalog: mistral}}
models:
  m: {targets: [up/mistral-large-latest]}
  strict: {targets: [up/mistral-large-latest], on_unsupported: reject}
ledger: sqlite://penstock.db
`)
	resp, got := h.post(t, `{"model":"m",`+hello+`,"seed":3,"logprobs":true}`)
	if resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Dropped") != "logprobs" {
		t.Errorf("%d, dropped %q: %s", resp.StatusCode, resp.Header.Get("X-Penstock-Dropped"), got)
	}
	if want := `{"model":"mistral-large-latest",` + hello + `,"random_seed":3}`; *asked.Load() != want {
		t.Errorf("asked %s, want %s", *asked.Load(), want)
	}
	resp, got = h.post(t, `{"model":"strict",`+hello+`,"logprobs":true}`)
	if resp.StatusCode != 400 || !strings.Contains(string(got), "no equivalent for logprobs") {
		t.Errorf("on_unsupported: reject gave %d %s", resp.StatusCode, got)
	}
	if resp, _ = h.post(t, `{"model":"strict",`+hello+`,"seed":3}`); resp.StatusCode != 200 {
		t.Errorf("a request with a seed: %d", resp.StatusCode)
	}
}
