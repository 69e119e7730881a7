package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestGeminiMethods passes every recorded count and embedding of Google's through, byte for byte.
func TestGeminiMethods(t *testing.T) {
	up := &replayer{}
	var asked atomic.Pointer[string]
	h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		asked.Store(&path)
		up.ServeHTTP(w, r)
	}), `
keys: off
providers: {up: {dialect: gemini, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {"*": {targets: ["up/*"], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	all, same := 0, 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Provider == "gemini" && (r.Endpoint == "count_tokens" || r.Endpoint == "embeddings")
	}) {
		all++
		up.current.Store(rec)
		up.asked.Store(nil)
		h.health.Forget("up")
		path := strings.TrimPrefix(rec.URLPath, "/v1beta")
		resp, got := h.postTo(t, path, rec.RequestBody)
		sent := up.asked.Load()
		if resp.StatusCode != rec.Status || string(got) != string(rec.Body) || sent == nil || string(*sent) != rec.RequestBody || *asked.Load() != path {
			t.Errorf("%s: %d at %s\n%s", rec.Path, resp.StatusCode, *asked.Load(), cmp.Diff(string(rec.Body), string(got)))
			continue
		}
		if rec.Status == 200 && resp.Header.Get("X-Penstock-Estimated") != "" {
			t.Errorf("%s is marked as an estimate", rec.Path)
		}
		same++
	}
	t.Logf("%d of %d recordings pass byte for byte", same, all)
}

// geminiEmbedConfig has a model at a provider of each format, all with a price.
const geminiEmbedConfig = `
keys: required
providers:
  openai: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY, catalog: openai}
  google: {dialect: gemini, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY, catalog: gemini}
  cohere: {dialect: cohere, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
  ollama: {dialect: ollama, base_url: $UPSTREAM, allow_private: true}
  claude: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
models:
  openai: {targets: [openai/text-embedding-3-small], cache: {ttl: 1m}}
  google: {targets: [google/gemini-embedding-001]}
  cohere: {targets: [{target: cohere/e, price: {input: 0.1, output: 0}}]}
  ollama: {targets: [{target: ollama/e, price: {input: 0.1, output: 0}}]}
  claude: {targets: [{target: claude/c, price: {input: 1, output: 1}}]}
  either: {targets: [{target: claude/c, price: {input: 1, output: 1}}], fallback: [openai/text-embedding-3-small]}
  strict: {targets: [openai/text-embedding-3-small], on_unsupported: reject}
ledger: sqlite://penstock.db
`

// TestEmbedContent asks for embeddings as Google's clients do, of providers of every format:
// they are priced, recorded, limited and cached.
func TestEmbedContent(t *testing.T) {
	h := openTestServer(t, llmtest.Handler(llmtest.Model()), geminiEmbedConfig)
	_, rich, err := h.keys.Create(t.Context(), keys.Spec{Name: "rich", Budget: llm.Budget{Max: llm.USD, Window: "day"}})
	if err != nil {
		t.Fatal(err)
	}
	_, poor, err := h.keys.Create(t.Context(), keys.Spec{Name: "poor", Budget: llm.Budget{Max: 1, Window: "day"}})
	if err != nil {
		t.Fatal(err)
	}
	const one, many = `{"content":{"parts":[{"text":"abc"}]},"outputDimensionality":2}`, `{"requests":[{"content":{"parts":[{"text":"abc"}]}},{"content":{"parts":[{"text":"de"}]}}]}`
	const usage = `"usageMetadata":{"promptTokenCount":10}}`
	for _, tt := range []struct {
		path, body, want, cost, cache string
	}{
		{"openai:batchEmbedContents", many, `{"embeddings":[{"values":[3,0.5,-2]},{"values":[2,0.5,-2]}],` + usage, "0.0000002", "miss"},
		{"openai:batchEmbedContents", many, `{"embeddings":[{"values":[3,0.5,-2]},{"values":[2,0.5,-2]}],` + usage, "0", "hit"},
		{"openai:embedContent", one, `{"embedding":{"values":[3,0.5]},` + usage, "0.0000002", "miss"},
		{"google:batchEmbedContents", many, `{"embeddings":[{"values":[3,0.5,-2]},{"values":[2,0.5,-2]}],` + usage, "0.0000015", "off"},
		{"google:embedContent", one, `{"embedding":{"values":[3,0.5]},` + usage, "0.0000015", "off"},
		{"cohere:batchEmbedContents", many, `{"embeddings":[{"values":[3,0.5,-2]},{"values":[2,0.5,-2]}],` + usage, "0.000001", "off"},
		{"cohere:embedContent", one, `{"embedding":{"values":[3,0.5]},` + usage, "0.000001", "off"},
		{"ollama:embedContent", `{"content":{"parts":[{"text":"abc"},{"text":"d"}]}}`, `{"embedding":{"values":[5,0.5,-2]},` + usage, "0.000001", "off"},
		{"either:embedContent", one, `{"embedding":{"values":[3,0.5]},` + usage, "0.0000002", "off"},
	} {
		resp, got := h.postTo(t, "/models/"+tt.path, tt.body, "X-Goog-Api-Key", rich.Reveal())
		if resp.StatusCode != 200 || string(got) != tt.want || resp.Header.Get("X-Penstock-Cost-Usd") != tt.cost || resp.Header.Get("X-Penstock-Cache") != tt.cache {
			t.Errorf("%s %s: %d %s, cost %q, cache %q; want %s, %s, %s", tt.path, tt.body, resp.StatusCode, got,
				resp.Header.Get("X-Penstock-Cost-Usd"), resp.Header.Get("X-Penstock-Cache"), tt.want, tt.cost, tt.cache)
		}
		rec, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
		if err != nil || rec.Endpoint != llm.Embeddings || tt.cache != "hit" && rec.Usage.Input != 10 || rec.Usage.Output != 0 || rec.Usage.Estimated {
			t.Errorf("%s: record %+v, %v", tt.path, rec, err)
		}
	}
	for _, tt := range []struct {
		path, body, key string
		status          int
		word, want      string
	}{
		{"openai:embedContent", one, "", 401, "UNAUTHENTICATED", "key is needed"},
		{"openai:embedContent", `{"content":{"parts":[{"text":"poor"}]}}`, poor.Reveal(), 403, "PERMISSION_DENIED", "can never fit"},
		{"none:embedContent", one, rich.Reveal(), 404, "NOT_FOUND", "none"},
		{"claude:embedContent", one, rich.Reveal(), 400, "INVALID_ARGUMENT", "claude/c has no equivalent for embeddings"},
		{"openai:embedContent", many, rich.Reveal(), 400, "INVALID_ARGUMENT", "send a list of requests to batchEmbedContents"},
		{"openai:batchEmbedContents", one, rich.Reveal(), 400, "INVALID_ARGUMENT", `"requests" is missing`},
		{"openai:embedContent", `{"model":"models/x",` + one[1:], rich.Reveal(), 400, "INVALID_ARGUMENT", `names the model "x" and the path "openai"`},
		{"strict:embedContent", `{"title":"t",` + one[1:], rich.Reveal(), 400, "INVALID_ARGUMENT", "no equivalent for title"},
		{"openai:embedContent", `{"content":{"parts":[{"inlineData":{"mimeType":"text/csv","data":"AAAA"}}]}}`, rich.Reveal(), 400, "INVALID_ARGUMENT", "file_in"},
	} {
		resp, got := h.postTo(t, "/models/"+tt.path, tt.body, "X-Goog-Api-Key", tt.key)
		var e struct {
			Error struct {
				Code            int
				Message, Status string
			}
		}
		if err := json.Unmarshal(got, &e); err != nil || resp.StatusCode != tt.status || e.Error.Code != tt.status || e.Error.Status != tt.word || !strings.Contains(e.Error.Message, tt.want) {
			t.Errorf("%s %s: %d %s, want %d %s with %q", tt.path, tt.body, resp.StatusCode, got, tt.status, tt.word, tt.want)
		}
	}
	resp, _ := h.postTo(t, "/models/ollama:embedContent", `{"taskType":"CLUSTERING","title":"t",`+one[1:], "X-Goog-Api-Key", rich.Reveal())
	if got := resp.Header.Get("X-Penstock-Dropped"); got != "taskType, title" {
		t.Errorf("dropped %q, want the purpose and the title", got)
	}
}

// TestCountTokensOfGemini wants an estimate where the target can't be asked, marked so, which
// costs nothing and takes nothing from a budget.
func TestCountTokensOfGemini(t *testing.T) {
	h := openTestServer(t, llmtest.Handler(llmtest.Model()), geminiEmbedConfig)
	_, token, err := h.keys.Create(t.Context(), keys.Spec{Name: "poor", Budget: llm.Budget{Max: 1, Window: "day"}})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("word ", 300)
	contents := `"contents":[{"role":"user","parts":[{"text":"` + text + `"}]}]`
	for _, tt := range []struct{ path, body, want, estimated string }{
		{"/models/openai:countTokens", `{` + contents + `}`, `{"totalTokens":5`, "input_tokens"},
		{"/models/claude:countTokens", `{"generateContentRequest":{"model":"models/claude",` + contents + `,"generationConfig":{"maxOutputTokens":5}}}`, `{"totalTokens":5`, "input_tokens"},
		{"/models/google:countTokens", `{"generateContentRequest":{"model":"models/google",` + contents + `}}`, `{"input_tokens":10,"totalTokens":10}`, ""},
	} {
		resp, got := h.postTo(t, tt.path, tt.body, "X-Goog-Api-Key", token.Reveal())
		if resp.StatusCode != 200 || !strings.HasPrefix(string(got), tt.want) || resp.Header.Get("X-Penstock-Estimated") != tt.estimated || resp.Header.Get("X-Penstock-Cost-Usd") != "0" {
			t.Errorf("%s: %d %s, estimated %q, cost %q", tt.path, resp.StatusCode, got, resp.Header.Get("X-Penstock-Estimated"), resp.Header.Get("X-Penstock-Cost-Usd"))
		}
	}
	for _, path := range []string{"/models/openai:countTokens", "/models/google:countTokens/"} {
		if resp, got := h.postTo(t, path, `{}`, "X-Goog-Api-Key", token.Reveal()); resp.StatusCode != 400 || !strings.Contains(string(got), `"status":"INVALID_ARGUMENT"`) {
			t.Errorf("%s without contents: %d %s", path, resp.StatusCode, got)
		}
	}
}
