package server

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestOtherShapeThanAskedFor has providers of both dialects stream where a plain reply
// was asked for, and answer plainly where a stream was.
func TestOtherShapeThanAskedFor(t *testing.T) {
	up := &provider{}
	up.answers(true, "")
	h := openTestServer(t, up, `
keys: off
providers:
  o: {dialect: openai, base_url: $UPSTREAM/bad, allow_private: true, api_key: env:TEST_KEY}
  a: {dialect: anthropic, base_url: $UPSTREAM/bad, allow_private: true, api_key: env:TEST_KEY}
models:
  o: {targets: [o/m], retries: {attempts: 1}}
  a: {targets: [a/m], retries: {attempts: 1}}
ledger: sqlite://penstock.db
`)
	calls := ka("content_block_start", `,"index":1,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}`) +
		ka("content_block_delta", `,"index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}`) + ka("content_block_stop", `,"index":1`)
	streams := map[string]string{
		"o": k(`{"role":"assistant","content":"Hello"}`) + k(`{"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}`) +
			strings.Replace(oFin, "stop", "tool_calls", 1) + `data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}` + "\n\n" + oDone,
		"a": aText("Hello") + calls + aDelta("tool_use") + ka("message_stop", ""),
	}
	plains := map[string]string{
		"o": `{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Hello","tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}`,
		"a": `{"id":"m1","type":"message","role":"assistant","model":"x","content":[{"type":"text","text":"Hello"},{"type":"tool_use","id":"t1","name":"f","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":7,"output_tokens":5}}`,
	}
	for dialect := range streams {
		t.Run(dialect+" streams", func(t *testing.T) {
			up.answers(true, streams[dialect])
			resp, got := h.post(t, `{"model":"`+dialect+`","messages":[{"role":"user","content":"hi"}]}`)
			if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
				t.Fatalf("%d %s %s", resp.StatusCode, resp.Header.Get("Content-Type"), got)
			}
			checkShaped(t, string(got))
		})
		t.Run(dialect+" answers plainly", func(t *testing.T) {
			up.answers(false, plains[dialect])
			resp, got := h.post(t, `{"model":"`+dialect+`","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`)
			if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") || !strings.HasSuffix(string(got), oDone) {
				t.Fatalf("%d %s %s", resp.StatusCode, resp.Header.Get("Content-Type"), got)
			}
			for chunk := range strings.SplitSeq(strings.TrimSuffix(string(got), oDone), "\n\n") {
				if data, ok := strings.CutPrefix(chunk, "data: "); ok && !json.Valid([]byte(data)) {
					t.Errorf("a chunk is not JSON: %s", data)
				}
			}
			checkShaped(t, string(got))
		})
	}
}

// checkShaped checks that a reply has the provider's content, in any shape.
func checkShaped(t *testing.T, got string) {
	t.Helper()
	for _, part := range []string{`"content":"Hello"`, `"id":"t1"`, `"name":"f"`, `{\"a\":1}`, `"finish_reason":"tool_calls"`, `"completion_tokens":5`, `"prompt_tokens":7`} {
		if !strings.Contains(got, part) {
			t.Errorf("%s is not in %s", part, got)
		}
	}
}
