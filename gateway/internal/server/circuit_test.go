package server

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/upstream"
)

// TestErrorsWithinRepliesOpenTheCircuit has a target fail with status 200: in a plain reply,
// as a stream's first event, and after content. Three requests open its circuit.
func TestErrorsWithinRepliesOpenTheCircuit(t *testing.T) {
	skipRaced(t)
	for _, dialect := range []string{"openai", "anthropic"} {
		fault := `{"type":"error","error":{"type":"server_error","message":"overloaded","param":null,"code":null}}`
		chunks := llmtest.Chat{Text: "some words"}.OpenAIChunks(false)
		if dialect == "anthropic" {
			fault, chunks = llmtest.AnthropicError("overloaded_error", "Overloaded"), llmtest.Chat{Text: "some words"}.AnthropicEvents()
		}
		event := llmtest.Write("event: error\ndata: " + fault + "\n\n")
		for name, c := range map[string]struct {
			step   llmtest.Step
			stream bool
		}{
			"plain":         {llmtest.JSON(200, fault), false},
			"first event":   {llmtest.Steps(llmtest.EventStream(), event), true},
			"after content": {llmtest.Steps(llmtest.EventStream(), llmtest.Write(string(bytes.Join(chunks[:3], nil))), event), true},
			"cut":           {llmtest.Steps(llmtest.EventStream(), llmtest.Write(string(bytes.Join(chunks[:3], nil))), llmtest.Cut()), true},
		} {
			t.Run(dialect+", "+name, func(t *testing.T) {
				h := openTestServer(t, llmtest.Handler(c.step), `
keys: off
providers: {up: {dialect: `+dialect+`, base_url: $UPSTREAM/v1, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/x], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
				for range 3 {
					if s, _ := h.health.State("up/x"); s.State != upstream.Closed {
						t.Fatalf("it is %+v too early", s)
					}
					h.post(t, fmt.Sprintf(`{"model":"m","stream":%t,%s}`, c.stream, hello))
				}
				if s, _ := h.health.State("up/x"); s.State != upstream.Open {
					t.Errorf("after three errors it is %+v", s)
				}
			})
		}
	}
}
