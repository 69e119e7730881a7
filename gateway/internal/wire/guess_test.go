package wire

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestGuessPath(t *testing.T) {
	for body, want := range map[string]string{
		`{"model":"m","messages":[{"role":"user","content":"hi"}]}`:                                                          "/v1/chat/completions",
		`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image_url"}]}]}`:                         "/v1/chat/completions",
		`{"model":"m","messages":[],"tools":[{"type":"function","function":{}}]}`:                                            "/v1/chat/completions",
		`{"model":"m","system":"x","messages":[{"role":"user","content":"hi"}]}`:                                             "/v1/messages",
		`{"model":"m","messages":[],"tools":[{"name":"x","input_schema":{}}]}`:                                               "/v1/messages",
		`{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result"}]}]}`:                                      "/v1/messages",
		`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x","cache_control":{}}]}],"stream":true}`: "/v1/messages",
		`{"model":"m","input":"hi"}`:                             "/v1/responses",
		`{"model":"m","input":[{"role":"user","content":"hi"}]}`: "/v1/responses",
		`{"model":"m","input":[]}`:                               "/v1/responses",
		`{"model":"m","input":["a"]}`:                            "/v1/embeddings",
		`{"model":"m","input":[1,2]}`:                            "/v1/embeddings",
		`{"model":"m","input":"a","dimensions":3}`:               "/v1/embeddings",
		`{"model":"m","prompt":"a"}`:                             "/v1/completions",
		`{"model":"models/m","contents":[]}`:                     "/v1beta/models/m:generateContent",
		`{"contents":[]}`:                                        "",
		`{"model":7}`:                                            "/v1/chat/completions",
		`oops`:                                                   "/v1/chat/completions",
		`null`:                                                   "/v1/chat/completions",
		`{"messages":7,"tools":8,"model":"m"}`:                   "/v1/chat/completions",
		`{"messages":[7,{"content":[8,{"type":null}]}],"tools":[null],"model":"m"}`: "/v1/chat/completions",
	} {
		got, err := GuessPath([]byte(body))
		if got != want || (err != nil) != (want == "") {
			t.Errorf("GuessPath(%s) = %q, %v, want %q", body, got, err, want)
		}
	}
}

// Each format's requests can be read at the path that is made for them.
func TestPathOf(t *testing.T) {
	for _, f := range Formats {
		path, ok := PathOf(f.Endpoint, f.Dialect, "a/b:c", false)
		if !ok || at(path) == nil || at(path).Endpoint != f.Endpoint || at(path).Dialect != f.Dialect {
			t.Errorf("PathOf(%s, %s) = %q, %v", f.Endpoint, f.Dialect, path, ok)
		}
	}
	if path, _ := PathOf(llm.ChatCompletions, llm.Gemini, "m", true); !strings.HasSuffix(path, "/m:streamGenerateContent") {
		t.Errorf("a stream's path is %q", path)
	}
	if path, ok := PathOf("none", llm.OpenAI, "m", false); ok {
		t.Errorf("an unknown endpoint's path is %q", path)
	}
}
