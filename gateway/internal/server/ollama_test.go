package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// ollamaContent is the content of a recording of Ollama's.
func ollamaContent(t *testing.T, rec *llmtest.Recorded) (c content) {
	t.Helper()
	for line := range strings.Lines(string(rec.Body)) {
		var r struct {
			Message struct{ Content string }
			Reason  string `json:"done_reason"`
			In      int64  `json:"prompt_eval_count"`
			Out     int64  `json:"eval_count"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		c.Text += r.Message.Content
		c.Finish, c.In, c.Out = r.Reason, r.In, r.Out
	}
	return c
}

func isOllama(r *llmtest.Recorded) bool { return r.Provider == "ollama" && r.Endpoint == "ollama.chat" }

// TestOllamaRecordings asks in OpenAI's format and has the upstream answer with every
// recorded reply of Ollama's own API, streams as lines of JSON.
func TestOllamaRecordings(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: ollama, base_url: $UPSTREAM/api, allow_private: true}}
models: {m: {targets: [up/gemma3], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	all, right := 0, 0
	for rec := range llmtest.Recordings(t, isOllama) {
		all++
		t.Run(rec.Path, func(t *testing.T) {
			up.current.Store(rec)
			resp, got := h.post(t, fmt.Sprintf(`{"model":"m",%s,"stream":%t,"stream_options":{"include_usage":true}}`, hello, rec.Stream))
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("status %d: %s", resp.StatusCode, got)
			}
			if diff := cmp.Diff(ollamaContent(t, rec), gatewayContent(t, rec.Stream, got)); diff != "" {
				t.Errorf("answer (-Ollama's +ours):\n%s\nwhole: %s", diff, got)
			}
			if !t.Failed() {
				right++
			}
		})
	}
	t.Logf("%d of %d Ollama chat recordings are answered right", right, all)
}

func TestOllamaStreamsCut(t *testing.T) {
	skipRaced(t)
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return isOllama(r) && r.Stream && len(r.Body) < 3000 }) {
		checkCuts(t, "ollama", rec)
	}
}

// TestOllama plays one tool loop: what the upstream is asked, and what the client gets.
func TestOllama(t *testing.T) {
	var asked []string
	up, _ := turns(func(n int, r *http.Request) llmtest.Step {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.URL.Path+" "+string(body))
		lines := `{"model":"qwen3","message":{"role":"assistant","content":"","thinking":"Hm."},"done":false}` + "\n" +
			`{"model":"qwen3","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"function":{"name":"g","arguments":{}}}]},"done":false}` + "\n"
		if n == 1 {
			lines += `{"error":"an error was encountered while running the model"}` + "\n"
		} else {
			lines += `{"model":"qwen3","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":4}` + "\n"
		}
		return llmtest.Steps(llmtest.Header("Content-Type", "application/x-ndjson"), llmtest.Write(lines))
	})
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: ollama, base_url: $UPSTREAM/api, allow_private: true}}
models: {m: {targets: [up/qwen3], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	ask := `{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":0}"}}]},` +
		`{"role":"tool","tool_call_id":"c1","content":"no"}],"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],"stream":true}`
	_, got := h.post(t, ask)
	want := content{Finish: "tool_calls", Calls: []contentCall{{"call_1", "f", map[string]any{"a": 1.0}}, {"call_2", "g", map[string]any{}}}}
	if diff := cmp.Diff(want, gatewayContent(t, true, got)); diff != "" || !strings.Contains(string(got), `"reasoning_content":"Hm."`) {
		t.Errorf("answer (-want +got):\n%s\n%s", diff, got)
	}
	const wantAsked = `/api/chat {"model":"qwen3","stream":true,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"","tool_calls":[{"id":"c1","function":{"name":"f","arguments":{"a":0}}}]},` +
		`{"role":"tool","content":"no","tool_name":"f","tool_call_id":"c1"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}},{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}]}`
	if diff := cmp.Diff(wantAsked, asked[0]); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	_, got = h.post(t, ask)
	if !strings.Contains(string(got), "an error was encountered") || strings.Contains(string(got), "[DONE]") {
		t.Errorf("a stream that fails became %s", got)
	}
	resp, got := h.post(t, `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}`)
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(got), "messages[0].content[0].image_url: up/qwen3 needs the data") {
		t.Errorf("an image by its address: %d %s", resp.StatusCode, got)
	}
}
