package server

import (
	"io"
	"net/http"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// TestAnthropicClientsHitTheCache asks the same twice, with a target of either format: the
// stored reply is what the first one was, byte for byte but for the id.
func TestAnthropicClientsHitTheCache(t *testing.T) {
	skipRaced(t)
	for _, dialect := range []string{"openai", "anthropic"} {
		for _, stream := range []bool{false, true} {
			chat := llmtest.Chat{Text: "fine"}
			up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				step := llmtest.JSON(200, chat.OpenAI())
				switch {
				case dialect == "anthropic" && stream:
					step = llmtest.Frames(chat.AnthropicEvents()...)
				case dialect == "anthropic":
					step = llmtest.JSON(200, chat.Anthropic())
				case stream:
					step = llmtest.Frames(chat.OpenAIChunks(true)...)
				}
				llmtest.Handler(step).ServeHTTP(w, r)
			})
			h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: `+dialect+`, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/x], cache: {ttl: 1m}}}
ledger: sqlite://penstock.db
`)
			for _, want := range []string{"miss", "hit"} {
				resp, got := h.postTo(t, "/messages", askClaude(stream))
				var m dialecttest.Message
				if stream {
					m, _ = dialecttest.ReadMessageStream(t, eventsOnly(string(got)))
				} else {
					m = dialecttest.ReadMessage(t, got)
				}
				if cached := resp.Header.Get("X-Penstock-Cache"); cached != want || len(m.Blocks) != 1 || m.Blocks[0].Text != "fine" || m.Usage.Output == 0 {
					t.Errorf("%s, stream %t: a %s, want a %s: %s", dialect, stream, cached, want, got)
				}
			}
		}
	}
}
