package server

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestModelsAsAnthropicListsThem asks for the list as Claude Code does, behind a prefix, of a
// gateway whose provider can't be reached.
func TestModelsAsAnthropicListsThem(t *testing.T) {
	h := openTestServer(t, http.NotFoundHandler(), `
keys: off
server: {prefix: /ai}
providers: {anthropic: {base_url: "https://127.0.0.1:9/v1", allow_private: true, api_key: env:TEST_KEY}}
models: {smart: {targets: [anthropic/claude-sonnet-4-5]}}
ledger: sqlite://penstock.db
`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(h.URL, "/v1")+"/ai/v1/models?limit=1000", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Anthropic-Version", "2023-06-01")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	const want = `{"data":[{"type":"model","id":"smart","display_name":"smart","created_at":"2025-09-29T00:00:00Z","max_input_tokens":`
	if err != nil || !strings.HasPrefix(string(got), want) || !strings.Contains(string(got), `"max_tokens":64000`) || resp.Header.Get("Request-Id") == "" {
		t.Errorf("%d %s, %v, want %s…", resp.StatusCode, got, err, want)
	}
}
