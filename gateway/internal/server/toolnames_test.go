package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestToolNamesComeBack has a provider of Anthropic's format call the tool that it was
// given, under the name that it was given, streamed and plain.
func TestToolNamesComeBack(t *testing.T) {
	var sent string
	h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = string(body)
		c := llmtest.Chat{Tools: []llmtest.ToolCall{{ID: "toolu_1", Name: gjson.Get(sent, "tools.0.name").Str, Arguments: `{"n":1}`}}, Finish: "tool_calls"}
		if gjson.Get(sent, "stream").Bool() {
			llmtest.Handler(llmtest.Frames(c.AnthropicEvents()...)).ServeHTTP(w, r)
			return
		}
		llmtest.Handler(llmtest.JSON(200, c.Anthropic())).ServeHTTP(w, r)
	}), claudes)
	for _, stream := range []bool{false, true} {
		request := fmt.Sprintf(`{"model":"drop","stream":%t,"messages":[{"role":"user","content":"hi"}],`, stream)
		_, got := h.post(t, request+`"tools":[{"type":"function","function":{"name":"files.read/all","parameters":{"type":"object"}}}]}`)
		if name := gjson.Get(sent, "tools.0.name").Str; name != "files_read_all" || !strings.Contains(string(got), `"name":"files.read/all"`) || !strings.Contains(string(got), `"tool_calls"`) {
			t.Errorf("stream %t: Anthropic got %q, the caller %s", stream, name, got)
		}
		_, got = h.post(t, request+`"functions":[{"name":"files.read","parameters":{"type":"object"}}]}`)
		if !strings.Contains(string(got), `"function_call":{"name":"files.read"`) || !strings.Contains(string(got), `"finish_reason":"function_call"`) {
			t.Errorf("functions, stream %t: the caller got %s", stream, got)
		}
	}
}
