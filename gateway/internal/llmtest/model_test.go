package llmtest_test

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestModel has the model answer requests in each format.
func TestModel(t *testing.T) {
	const tool, result, format, thinking = 0, 1, 2, 3
	for path, requests := range map[string][4]string{
		"/chat/completions": {
			`{"messages":[{"role":"user","content":"both"}],"tools":[{"type":"function","function":{"name":"f"}}]}`,
			`{"messages":[{"role":"tool","content":"21"}],"tools":[{"type":"function","function":{"name":"f"}}]}`,
			`{"messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema"}}`,
			`{"messages":[{"role":"user","content":"hi"}],"reasoning_effort":"low"}`,
		},
		"/messages": {
			`{"messages":[{"role":"user","content":"both"}],"tools":[{"name":"f"}]}`,
			`{"messages":[{"role":"user","content":[{"type":"tool_result"}]}],"tools":[{"name":"f"}]}`,
			`{"messages":[{"role":"user","content":"hi"}],"output_config":{"format":{"type":"json_schema"}}}`,
			`{"messages":[{"role":"user","content":"hi"}],"thinking":{"type":"enabled"}}`,
		},
		"/responses": {
			`{"input":"both","tools":[{"type":"function","name":"f"}]}`,
			`{"input":[{"type":"function_call_output"}],"tools":[{"type":"function","name":"f"}]}`,
			`{"input":"hi","text":{"format":{"type":"json_schema"}}}`,
			`{"input":"hi","reasoning":{"effort":"low"}}`,
		},
		"/models/m:generateContent": {
			`{"contents":[{"parts":[{"text":"both"}]}],"tools":[{"functionDeclarations":[{"name":"f"}]}]}`,
			`{"contents":[{"parts":[{"functionResponse":{}}]}],"tools":[{"functionDeclarations":[{"name":"f"}]}]}`,
			`{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"responseMimeType":"application/json"}}`,
			`{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"thinkingConfig":{}}}`,
		},
	} {
		for i, want := range map[int]string{tool: `Oslo`, result: llmtest.ModelResult, format: `Oslo`, thinking: llmtest.ModelThinking} {
			s := llmtest.NewServer(t, llmtest.Model())
			status, plain := postTo(t, s.URL+path, requests[i])
			if n := strings.Count(plain, want); status != 200 || i == tool && n != 2 || i != tool && n != 1 {
				t.Errorf("%s %s = %d %s, want %q", path, requests[i], status, plain, want)
			}
			streamed := strings.NewReplacer(":generate", ":streamGenerate", `{"messages"`, `{"stream":true,"messages"`, `{"input"`, `{"stream":true,"input"`)
			first, _, _ := strings.Cut(want, " ") // a stream has single words
			if _, events := postTo(t, s.URL+streamed.Replace(path), streamed.Replace(requests[i])); !strings.HasPrefix(events, "event: ") &&
				!strings.HasPrefix(events, "data: ") || !strings.Contains(events, first) {
				t.Errorf("%s %s streamed = %s, want %q in events", path, requests[i], events, first)
			}
		}
	}
}

func TestModelFaults(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.Model())
	if status, body := postTo(t, s.URL+"/messages", `{"model":"fail-429"}`); status != 429 || !strings.Contains(body, "rate_limit_error") {
		t.Errorf("fail-429 = %d %s", status, body)
	}
	if status, body := postTo(t, s.URL+"/models/fail-503:generateContent", `{}`); status != 503 || !strings.Contains(body, "UNAVAILABLE") {
		t.Errorf("fail-503 = %d %s", status, body)
	}
	if _, body := postTo(t, s.URL+"/chat/completions", `{"model":"cut","stream":true}`); !strings.Contains(body, "Gateways") || strings.Contains(body, "[DONE]") {
		t.Errorf("cut = %s, want the beginning of a stream", body)
	}
	if _, body := postTo(t, s.URL+"/messages/count_tokens", `{}`); !strings.Contains(body, `"input_tokens":10`) {
		t.Errorf("count_tokens = %s", body)
	}
}
