package completions_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// TestAcceptedRequests translates testdata/accept/*.in.json.
func TestAcceptedRequests(t *testing.T) {
	for _, path := range dialecttest.Inputs(t, "testdata/accept/*.in.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.json"), func(t *testing.T) {
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			body, context, err := host.AcceptWithContext(t, nil, string(in))
			if err != nil {
				t.Fatal(err)
			}
			dialecttest.OpenAPI(t, "CreateCompletionRequest").Check(t, in)
			got := dialecttest.Encode(t, map[string]any{"body": body, "context": context})
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, got))
		})
	}
}

func TestAcceptRejects(t *testing.T) {
	long := strings.Repeat("x", 25<<10)
	for body, want := range map[string]string{
		`[]`:                            "the request body is not a JSON object",
		`{"prompt":["a","b"]}`:          "prompt: only a target that serves the completions API continues several texts",
		`{"prompt":[1,2]}`:              "prompt: only a target that serves the completions API takes tokens",
		`{"prompt":[7]}`:                "prompt: only a target that serves the completions API takes tokens",
		`{"prompt":[[1],[2]]}`:          "prompt: only a target that serves the completions API takes tokens",
		`{"prompt":""}`:                 "prompt: only a target that serves the completions API continues an empty text",
		`{"prompt":[]}`:                 "prompt: only a target",
		`{}`:                            "prompt: only a target that serves the completions API continues an empty text",
		`{"prompt":"x","max_tokens":0}`: "max_tokens: only a target that serves the completions API takes 0",
		`{"prompt":"x","max_completion_tokens":5}`:                  "max_completion_tokens: the completions API bounds",
		`{"prompt":"x","echo":true,"logprobs":0}`:                   "logprobs: only a target that serves the completions API gives",
		`{"prompt":"` + long + `","echo":true}`:                     "echo: only a target that serves the completions API repeats",
		`{"prompt":"x","tools":[{"type":"function"}]}`:              "tools: is a member of chat completions",
		`{"prompt":"x","messages":[{"role":"user","content":"y"}]}`: "messages: is a member of chat completions",
	} {
		_, err := host.Accept(t, nil, body)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s gave %v, want %q", body, err, want)
		}
	}
}

// TestWhatOthersCantDoIsReported wants every provider's dialect to name the members of this
// API that it leaves out.
func TestWhatOthersCantDoIsReported(t *testing.T) {
	body, err := host.Accept(t, nil, `{"model":"m","prompt":"x","suffix":"y","best_of":4}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, dialect := range []string{"openai", "anthropic", "gemini", "cohere", "ollama", "openai-responses"} {
		h := dialecttest.Host{Dialect: dialect, Model: "m"}
		sent, err := h.Request(t, dialecttest.Target{Model: "m"}, false, string(body))
		if got := strings.Join(sent.Dropped, " "); err != nil || !strings.Contains(got, "best_of") || !strings.Contains(got, "suffix") {
			t.Errorf("%s drops %q, %v", dialect, got, err)
		}
		if strings.Contains(string(sent.Body), "suffix") || strings.Contains(string(sent.Body), "best_of") {
			t.Errorf("%s gets %s", dialect, sent.Body)
		}
	}
}
