package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestLimitsCutStreams: upstreams heed no bound on output. A limit that cuts ends the stream of
// every client, whatever its target speaks, with an error in the stream; a plain reply and a
// stream within the limit are whole. What came is booked, once, to windows of many kinds.
func TestLimitsCutStreams(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	policy := `package penstock

limits contains {"name": "output", "scope": scope, "unit": "output_tokens", "window": window, "max": 30, "on_exceed": "cut"} if {
	some window in ["rolling 24h", "quarter from 02-01", "year from 04-06 in Europe/London", "month from 15"]
}

scope := concat("/", [input.request.dialect, input.request.tags.pair, sprintf("%v", [input.request.stream])])

obligations["max_output_tokens"] := 8
`
	if err := os.WriteFile(filepath.Join(dir, "limits.rego"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{}, 1)
	h := openTestServerIn(t, dir, outpouring(begun), `
keys: off
policies: .
providers:
  o: {dialect: openai, also: [openai-responses], base_url: $UPSTREAM/o, allow_private: true, api_key: env:TEST_KEY}
  a: {dialect: anthropic, base_url: $UPSTREAM/a, allow_private: true, api_key: env:TEST_KEY}
  g: {dialect: gemini, base_url: $UPSTREAM/g, allow_private: true, api_key: env:TEST_KEY}
models:
  o: {targets: [o/x]}
  a: {targets: [a/x]}
  g: {targets: [g/x]}
ledger: sqlite://penstock.db
`)
	base := watchedBy(t, h, begun)
	for _, client := range llmtest.Clients() {
		for _, model := range []string{"o", "a", "g"} {
			t.Run(client.Name+" from "+model, func(t *testing.T) { checkCutStream(t, base, client, model) })
		}
	}
	h.checkBudgets(t)
}

// checkCutStream asks for what outruns its reservation.
func checkCutStream(t *testing.T, base string, client llmtest.Client, model string) {
	ask := func(stream bool) *llmtest.Seen {
		seen, err := client.Ask(t.Context(), base, model, "hi", stream, "X-Penstock-Tags", "pair="+client.Name+" "+model)
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	if seen := ask(true); seen.Ending() != llmtest.EndInBand || !strings.Contains(string(seen.Body), "this reply was cut off") ||
		!strings.Contains(string(seen.Body), "30 output tokens") || strings.Contains(string(seen.Body), "w50") {
		t.Errorf("a stream beyond the limit ends %s:\n%s", seen.Ending(), seen.Body)
	}
	if seen := ask(true); seen.Ending() != llmtest.EndRefused || seen.Status != 429 || !strings.Contains(string(seen.Body), "30 output tokens") {
		t.Errorf("the next one ends %s: %d\n%s", seen.Ending(), seen.Status, seen.Body)
	}
	if seen := ask(false); seen.Ending() != llmtest.EndWhole {
		t.Errorf("a plain reply ends %s: %d\n%s", seen.Ending(), seen.Status, seen.Body)
	}
	if seen := ask(false); seen.Status != 429 {
		t.Errorf("a plain request after one that overdrew the limit: %d\n%s", seen.Status, seen.Body)
	}
}

// checkBudgets checks that every window has counted the same, and as much as the ledger has.
func (h *testServer) checkBudgets(t *testing.T) {
	t.Helper()
	used := map[string]map[json.Number]bool{}
	for _, b := range h.allBudgets(t) {
		if b.Reserved != "0" {
			t.Errorf("%s %s holds %s", b.Scope, b.Window, b.Reserved)
		}
		if used[b.Scope] == nil {
			used[b.Scope] = map[json.Number]bool{}
		}
		used[b.Scope][b.Used] = true
	}
	charged, err := h.ledger.Totals(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range charged {
		if seen := used[c.Scope]; len(seen) != 1 || !seen[c.Unit.Amount(c.Amount)] {
			t.Errorf("%s %s: the ledger has %d, the meters %v", c.Scope, c.Window, c.Amount, seen)
		}
	}
	if want := 2 * 3 * len(llmtest.Clients()); len(used) != want || len(charged) != 4*want {
		t.Errorf("%d scopes are counted and %d charged, want %d and %d", len(used), len(charged), want, 4*want)
	}
}

// watchedBy returns the address of a proxy in front of the gateway that says when a client has
// been sent the beginning of a stream.
func watchedBy(t *testing.T, h *testServer, begun chan<- struct{}) string {
	gateway, err := url.Parse(strings.TrimSuffix(h.URL, "/v1"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(gateway)
	proxy.FlushInterval = -1
	proxy.ModifyResponse = func(r *http.Response) error {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "text/event-stream") {
			begun <- struct{}{}
		}
		return nil
	}
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	return s.URL
}

// outpouring is a provider whose replies have 60 words, whatever they are asked for. It goes on
// with a stream once its beginning has been sent to the client.
func outpouring(begun <-chan struct{}) http.Handler {
	var words []string
	for i := range 60 {
		words = append(words, fmt.Sprintf("w%02d", i))
	}
	chat := llmtest.Chat{Text: strings.Join(words, " "), Usage: llm.Usage{Input: 10, Output: 1}} // all chunks have the same
	whole := chat
	whole.Usage.Output = 60
	streams := map[string][][]byte{
		"/o/chat/completions":               chat.OpenAIChunks(true),
		"/a/messages":                       chat.AnthropicEvents(),
		"/o/responses":                      chat.ResponsesEvents(),
		"/g/models/x:streamGenerateContent": chat.GeminiEvents(),
	}
	plain := map[string]string{"/o/chat/completions": whole.OpenAI(), "/a/messages": whole.Anthropic(), "/o/responses": whole.Responses(), "/g/models/x:generateContent": whole.Gemini()}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, _ := io.ReadAll(r.Body)
		frames := streams[r.URL.Path]
		if frames == nil || plain[r.URL.Path] != "" && !strings.Contains(string(asked), `"stream":true`) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, plain[r.URL.Path])
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write(joinFrames(frames[:10]))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-begun:
		case <-r.Context().Done():
		}
		_, _ = w.Write(joinFrames(frames[10:]))
	})
}
