package server

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestAzureDeployments asks at Azure's older paths: the deployment in the path, the version
// of the API as a parameter, and the key in a header of its own.
func TestAzureDeployments(t *testing.T) {
	var asked atomic.Pointer[http.Request]
	up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r)
		llmtest.Handler(llmtest.JSON(200, llmtest.Chat{Text: "fine"}.OpenAI())).ServeHTTP(w, r)
	})
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM/openai, allow_private: true, api_key: env:TEST_KEY, api_version: 2024-10-21}}
models: {m: {targets: ["up/my-gpt"]}}
ledger: sqlite://penstock.db
`)
	if resp, got := h.post(t, askM); resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, got)
	}
	r := asked.Load()
	if got, want := r.URL.String(), "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"; got != want {
		t.Errorf("asked at %s, want %s", got, want)
	}
	if r.Header.Get("Api-Key") == "" || r.Header.Get("Authorization") != "" {
		t.Errorf("the key is in %v", r.Header)
	}
}
