package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestEmbeddings asks for embeddings as the official clients do, in base64, of a provider
// that gives numbers.
func TestEmbeddings(t *testing.T) {
	up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Model string }
		_ = json.NewDecoder(r.Body).Decode(&asked)
		if r.URL.Path != "/embeddings" || asked.Model != "text-embedding-3-small" {
			t.Errorf("the upstream was asked %s of %q", r.URL.Path, asked.Model)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-2]},{"object":"embedding","index":1,"embedding":[0.5,-2]}],"model":"e","usage":{"prompt_tokens":6,"total_tokens":6}}`))
	})
	h := openTestServer(t, up, `
keys: off
providers: {openai: {base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {embed: {targets: [openai/text-embedding-3-small], cache: {ttl: 1m}}}
ledger: sqlite://penstock.db
`)
	for _, cached := range []string{"miss", "hit"} {
		resp, got := h.postTo(t, "/embeddings", `{"model":"embed","input":["a","b"],"encoding_format":"base64"}`)
		if resp.StatusCode != 200 || strings.Count(string(got), `"embedding":"AAAAPwAAAMA="`) != 2 || resp.Header.Get("X-Penstock-Cache") != cached {
			t.Errorf("%d %s, cache %q, want two vectors in base64 and %q", resp.StatusCode, got, resp.Header.Get("X-Penstock-Cache"), cached)
		}
	}
	resp, _ := h.postTo(t, "/embeddings", `{"model":"embed","input":["a","b"]}`, "Cache-Control", "no-cache")
	if cost := resp.Header.Get("X-Penstock-Cost-Usd"); cost != "0.00000012" {
		t.Errorf("cost %q, want that of 6 tokens at 0.02 dollars a million", cost)
	}
	if resp, got := h.postTo(t, "/embeddings", `{"model":"nobody","input":"a"}`); resp.StatusCode != 404 || !strings.Contains(string(got), `"type":"not_found_error"`) {
		t.Errorf("an unknown model: %d %s", resp.StatusCode, got)
	}
}
