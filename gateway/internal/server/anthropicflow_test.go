package server

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// TestAnthropicToolLoop has an Anthropic client run a loop of tools with a target that speaks
// OpenAI's format: what comes back in the second request is what the first reply said.
func TestAnthropicToolLoop(t *testing.T) {
	skipRaced(t)
	calls := []llmtest.ToolCall{{ID: "call_1", Name: "f", Arguments: `{"a":1}`}, {ID: "call_2", Name: "g", Arguments: `{}`}}
	for _, stream := range []bool{false, true} {
		var asked []string
		up, _ := turns(func(n int, r *http.Request) llmtest.Step {
			body, _ := io.ReadAll(r.Body)
			asked = append(asked, string(body))
			chat := llmtest.Chat{Text: "done"}
			if n == 0 {
				chat = llmtest.Chat{Text: "I look.", Tools: calls}
			}
			if stream {
				return llmtest.Frames(chat.OpenAIChunks(true)...)
			}
			return llmtest.JSON(200, chat.OpenAI())
		})
		h := openTestServer(t, up, toOpenAI)
		messages := []any{map[string]any{"role": "user", "content": "hi"}}
		ask := func() dialecttest.Message {
			body, _ := json.Marshal(map[string]any{"model": "m", "max_tokens": 99, "stream": stream, "messages": messages, "cache_control": map[string]string{"type": "ephemeral"},
				"tools": []any{map[string]any{"name": "f", "input_schema": map[string]string{"type": "object"}}, map[string]any{"name": "g", "input_schema": map[string]string{"type": "object"}}}})
			resp, got := h.postTo(t, "/messages", string(body))
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("%d %s", resp.StatusCode, got)
			}
			if !stream {
				return dialecttest.ReadMessage(t, got)
			}
			m, failed := dialecttest.ReadMessageStream(t, string(got))
			if failed != "" {
				t.Fatal(failed)
			}
			return m
		}
		first := ask()
		if first.Stop != "tool_use" || len(first.Blocks) != 3 {
			t.Fatalf("the first reply is %+v", first)
		}
		messages = append(messages, map[string]any{"role": "assistant", "content": []any{map[string]any{"type": "text", "text": first.Blocks[0].Text},
			toolUse(first.Blocks[1]), toolUse(first.Blocks[2])}},
			map[string]any{"role": "user", "content": []any{map[string]any{"type": "tool_result", "tool_use_id": first.Blocks[2].ID, "content": "two", "is_error": true},
				map[string]any{"type": "tool_result", "tool_use_id": first.Blocks[1].ID, "content": []any{map[string]any{"type": "text", "text": "one"}}}, map[string]any{"type": "text", "text": "go on"}}})
		if second := ask(); second.Stop != "end_turn" || second.Blocks[0].Text != "done" {
			t.Errorf("the second reply is %+v", second)
		}
		want := `[{"role":"user","content":"hi"},{"role":"assistant","content":"I look.","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},` +
			`{"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_2","content":"two"},{"role":"tool","tool_call_id":"call_1","content":"one"},{"role":"user","content":"go on"}]`
		var sent struct{ Messages json.RawMessage }
		if err := json.Unmarshal([]byte(asked[1]), &sent); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(sent.Messages)); diff != "" {
			t.Errorf("stream %t: the second request (-want +got):\n%s", stream, diff)
		}
		if strings.Contains(asked[0], "cache_control") {
			t.Errorf("OpenAI gets a member that it does not know: %s", asked[0])
		}
	}
}

func toolUse(b dialecttest.MessageBlock) map[string]any {
	return map[string]any{"type": "tool_use", "id": b.ID, "name": b.Name, "input": json.RawMessage(b.Input)}
}

// TestAnthropicClientLosesItsStream cuts a stream in the middle: the client gets what has
// come, then Anthropic's error event, and no message_stop.
func TestAnthropicClientLosesItsStream(t *testing.T) {
	chunks := llmtest.Chat{Text: "one two three four five six"}.OpenAIChunks(false)
	for _, n := range []int{3, len(chunks) - 3} {
		h := openTestServer(t, llmtest.Handler(llmtest.Frames(chunks[:n]...)), toOpenAI)
		resp, got := h.postTo(t, "/messages", askClaude(true))
		if resp.StatusCode != http.StatusOK {
			checkMessagesError(t, resp, got)
			continue
		}
		m, failed := dialecttest.ReadMessageStream(t, string(got))
		if !strings.Contains(failed, `"type":"api_error"`) || strings.Contains(string(got), "message_stop") || len(m.Blocks) != 1 || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
			t.Errorf("after %d chunks: %s", n, got)
		}
	}
}

// TestAnthropicClientErrors wants the errors of a target that speaks OpenAI's format with
// Anthropic's types and statuses.
func TestAnthropicClientErrors(t *testing.T) {
	skipRaced(t)
	for _, tt := range []struct {
		status       int
		code, kind   string
		want         int
		anthropicErr string
	}{
		{429, "rate_limit_exceeded", "rate_limit_error", 429, "rate_limit_error"},
		{400, "context_length_exceeded", "invalid_request_error", 400, "invalid_request_error"},
		{401, "invalid_api_key", "authentication_error", 502, "api_error"},
		{404, "model_not_found", "not_found_error", 404, "not_found_error"},
		{503, "overloaded", "server_error", 503, "overloaded_error"},
		{500, "server_error", "server_error", 500, "api_error"},
	} {
		h := openTestServer(t, llmtest.Handler(llmtest.JSON(tt.status, llmtest.OpenAIError(tt.kind, tt.code, "No."))), toOpenAI)
		for _, stream := range []bool{false, true} {
			h.health.Forget("up")
			resp, got := h.postTo(t, "/messages", askClaude(stream))
			checkMessagesError(t, resp, got)
			if resp.StatusCode != tt.want || !strings.Contains(string(got), `"type":"`+tt.anthropicErr+`"`) || !strings.Contains(string(got), "No.") || resp.Header.Get("Request-Id") == "" {
				t.Errorf("%d %s: %d %s, want %d %s", tt.status, tt.code, resp.StatusCode, got, tt.want, tt.anthropicErr)
			}
		}
	}
}

// TestAnthropicClientBehindTransforms sends an Anthropic client's request through a transform
// to Anthropic: only the canonical form of both is known to the transform.
func TestAnthropicClientBehindTransforms(t *testing.T) {
	for _, stream := range []bool{false, true} {
		var asked []byte
		chat := llmtest.Chat{Text: "write to jane@example.com", Tools: []llmtest.ToolCall{{ID: "toolu_1", Name: "f", Arguments: `{"a":1}`}}}
		up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked, _ = io.ReadAll(r.Body)
			step := llmtest.JSON(200, chat.Anthropic())
			if stream {
				step = llmtest.Frames(chat.AnthropicEvents()...)
			}
			if r.Header.Get("Anthropic-Beta") != "x-1" || r.Header.Get("Anthropic-Version") == "" {
				step = llmtest.JSON(400, llmtest.AnthropicError("invalid_request_error", "headers are missing"))
			}
			llmtest.Handler(step).ServeHTTP(w, r)
		})
		h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/claude-sonnet-4-5], transform: [redact]}}
plugins: {redact: {file: `+sdkExample(t, "go", "redact")+`}}
ledger: sqlite://penstock.db
`)
		resp, got := h.postTo(t, "/messages", strings.Replace(askClaude(stream), `"hi"`, `[{"type":"text","text":"I am jane@example.com","cache_control":{"type":"ephemeral"}}]`, 1), "Anthropic-Beta", "x-1", "Anthropic-Version", "2023-06-01")
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", resp.StatusCode, got)
		}
		var m dialecttest.Message
		if stream {
			m, _ = dialecttest.ReadMessageStream(t, string(got))
		} else {
			m = dialecttest.ReadMessage(t, got)
		}
		var text, id, input string
		for _, b := range m.Blocks { // the transform holds the end of a stream's text back, past the call
			text, id, input = text+b.Text, id+b.ID, input+b.Input
		}
		if m.Stop != "tool_use" || text != "write to [redacted]" || id != "toolu_1" || input != `{"a":1}` || m.Usage.Output == 0 {
			t.Errorf("stream %t: %+v", stream, m)
		}
		if !strings.Contains(string(asked), `"text":"I am jane@example.com","cache_control":{"type":"ephemeral"}`) { // it changes replies only
			t.Errorf("Anthropic is asked %s", asked)
		}
	}
}

// TestFallbackBetweenDialects has the first target fail and the second, which speaks another
// format, answer: whatever the order, the client gets messages.
func TestFallbackBetweenDialects(t *testing.T) {
	skipRaced(t)
	for first, second := range map[string]string{"openai": "anthropic", "anthropic": "openai"} {
		for _, stream := range []bool{false, true} {
			up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				isAnthropic := strings.HasSuffix(r.URL.Path, "/messages")
				step := llmtest.JSON(500, `{"error":{"message":"down"}}`)
				switch {
				case isAnthropic == (first == "anthropic"):
				case isAnthropic && stream:
					step = llmtest.Frames(llmtest.Chat{Text: "fine"}.AnthropicEvents()...)
				case isAnthropic:
					step = llmtest.JSON(200, llmtest.Chat{Text: "fine"}.Anthropic())
				case stream:
					step = llmtest.Frames(llmtest.Chat{Text: "fine"}.OpenAIChunks(true)...)
				default:
					step = llmtest.JSON(200, llmtest.Chat{Text: "fine"}.OpenAI())
				}
				llmtest.Handler(step).ServeHTTP(w, r)
			})
			h := openTestServer(t, up, `
keys: off
providers:
  openai: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
  anthropic: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
models: {m: {targets: [`+first+`/x], fallback: [`+second+`/x], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
			resp, got := h.postTo(t, "/messages", askClaude(stream))
			if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Penstock-Target") != second+"/x" {
				t.Fatalf("%s then %s: %d %s", first, second, resp.StatusCode, got)
			}
			m, failed := dialecttest.Message{}, ""
			if stream {
				m, failed = dialecttest.ReadMessageStream(t, eventsOnly(string(got)))
			} else {
				m = dialecttest.ReadMessage(t, got)
			}
			if failed != "" || len(m.Blocks) != 1 || m.Blocks[0].Text != "fine" {
				t.Errorf("%s then %s: %s", first, second, got)
			}
		}
	}
}

// eventsOnly leaves pings out of a stream.
func eventsOnly(frames string) string {
	var kept strings.Builder
	for frame := range strings.SplitAfterSeq(frames, "\n\n") {
		if !strings.HasPrefix(frame, "event: ping") {
			kept.WriteString(frame)
		}
	}
	return kept.String()
}
