package wire

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

func TestRequestDeviationsFile(t *testing.T) {
	rows := 0
	for line := range strings.Lines(requestDeviationsFile) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		rows++
		if columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(columns) != 6 || strings.Contains(line, " ") {
			t.Errorf("%q has %d columns, or spaces", line, len(columns))
		}
	}
	if parsed := len(requestDeviations()); parsed != rows || rows == 0 {
		t.Errorf("%d of %d rows are read", parsed, rows)
	}
}

func TestRequestDeviations(t *testing.T) {
	for _, tt := range []struct{ target, body, want, dropped string }{
		{"groq/llama", `{"model":"m","n":1,"logprobs":true,"seed":5}`, `{"model":"m","n":1,"seed":5}`, "logprobs"},
		{"groq/llama", `{"n":2,"logit_bias":{"1":2},"model":"m"}`, `{"model":"m"}`, "logit_bias,n"},
		{"groq/llama", `{ "model" : "m" , "n" : 3 , "logprobs" : false }`, `{ "model" : "m" }`, "n"},
		{"groq/llama", `{"messages":[{"name":"bob","role":"user","content":"\"name\":1"},{"role":"user","content":"x","name":null},{"role":"assistant","reasoning_content":"r","annotations":[],"content":""}]}`,
			`{"messages":[{"role":"user","content":"\"name\":1"},{"role":"user","content":"x"},{"role":"assistant","content":""}]}`, "messages.name,messages.reasoning_content"},
		{"mistral/large", `{"seed":7,"user":"u","model":"m"}`, `{"random_seed":7,"model":"m"}`, "user"},
		{"mistral/large", `{"model":"m","seed":7,"random_seed":8}`, `{"model":"m","random_seed":8}`, ""},
		{"mistral/large", `{"model":"m","user":"u","store":true,"logprobs":false}`, `{"model":"m"}`, "store,user"},
		{"xai/grok-4-fast-non-reasoning", `{"stop":"x"}`, `{"stop":"x"}`, ""},
		{"xai/grok-4-0709", `{"model":"m","stop":"x","presence_penalty":0}`, `{"model":"m"}`, "stop"},
		{"perplexity/sonar", `{"tools":[{}],"tool_choice":"auto","model":"m"}`, `{"model":"m"}`, "tool_choice,tools"},
		{"deepseek/deepseek-chat", `{"logprobs":true}`, `{"logprobs":true}`, ""},
		{"openai/gpt-5", `{"n":2,"seed":1}`, `{"n":2,"seed":1}`, ""},
		{"mistral/large", `{"logprobs":true,"seed":7,"random_seed":8,"user":"u"}`, `{"random_seed":8}`, "logprobs,user"},
		// What OpenRouter's reply has left in the history goes back to it, and to nobody else.
		{"openrouter/x", `{"messages":[{"role":"assistant","reasoning":"r","reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}]}`,
			`{"messages":[{"role":"assistant","reasoning":"r","reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}]}`, ""},
		{"openai/gpt-5", `{"messages":[{"role":"assistant","reasoning":"r","reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}]}`,
			`{"messages":[{"role":"assistant"}]}`, "messages.reasoning,messages.reasoning_details"},
		{"fireworks/x", `{"store":true,"model":"m","metadata":{}}`, `{"model":"m","metadata":{}}`, "store"},
		{"zai/glm-5", `{"tool_choice":"auto","n":1}`, `{"tool_choice":"auto","n":1}`, ""},
		{"zai/glm-5", `{"tool_choice":{"type":"function"},"frequency_penalty":0.5}`, `{}`, "frequency_penalty,tool_choice"},
		{"zai/glm-5", `{"tool_choice":"required","model":"m"}`, `{"model":"m"}`, "tool_choice"},
		{"alibaba/qwen3", `{"tool_choice":"required","model":"m"}`, `{"model":"m"}`, "tool_choice"},
		{"alibaba/qwen3", `{"tool_choice":{"type":"function"},"model":"m"}`, `{"tool_choice":{"type":"function"},"model":"m"}`, ""},
		{"moonshot/kimi-k2.6", `{"temperature":0.5,"tool_choice":"required","model":"m"}`, `{"model":"m"}`, "temperature,tool_choice"},
		{"moonshot/moonshot-v1-8k", `{"temperature":0.5,"model":"m"}`, `{"temperature":0.5,"model":"m"}`, ""},
		{"minimax/M2", `{"n":2,"model":"m"}`, `{"model":"m"}`, "n"},
		{"sambanova/x", `{"logprobs":true,"model":"m"}`, `{"model":"m"}`, "logprobs"},
		{"together/x", `{"top_k":5,"min_p":0.1}`, `{"top_k":5,"min_p":0.1}`, ""},
	} {
		catalog, model, _ := strings.Cut(tt.target, "/")
		got, dropped := requestDeviationOf(&llm.Target{Catalog: catalog, Model: model}).adapt([]byte(tt.body))
		if string(got) != tt.want || strings.Join(dropped, ",") != tt.dropped {
			t.Errorf("%s: %s became %s, dropped %q; want %s, %q", tt.target, tt.body, got, dropped, tt.want, tt.dropped)
		}
	}
}

// TestRequestDeviationsPass: a body without anything that a provider refuses is the same one.
func TestRequestDeviationsPass(t *testing.T) {
	body := []byte(`{ "model":"m","messages":[{"role":"user","content":"hi"}] }`)
	for _, row := range requestDeviations() {
		if got, dropped := row.adapt(body); &got[0] != &body[0] || dropped != nil {
			t.Errorf("%s: %s, %q", row.provider, got, dropped)
		}
	}
}

func FuzzRequestDeviations(f *testing.F) {
	f.Add(`{"model":"m","messages":[{"role":"user","content":"hi"}],"logprobs":true,"thinking":{"type":"enabled","budget_tokens":5},"seed":1,"random_seed":2,"reasoning":{"effort":"low"},"enable_thinking":false}`)
	f.Add(`{"seed":1,"user":"u","messages":[{"name":"a"}],"logprobs":true}`)
	f.Fuzz(func(t *testing.T, body string) {
		if _, _, err := intake.Scan([]byte(body), intake.Options{}); err != nil && json.Valid([]byte(body)) {
			return // such as a member that is given twice: it never gets here
		}
		for _, row := range requestDeviations() {
			if got, _ := row.adapt([]byte(body)); json.Valid([]byte(body)) && !json.Valid(got) {
				t.Errorf("%s: %s became %s", row.provider, body, got)
			}
		}
	})
}

// TestRecordedRequestsStay: what a provider has answered with success it does not refuse.
func TestRecordedRequestsStay(t *testing.T) {
	all := map[string]int{}
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Endpoint == "chat.completions" && r.Status == http.StatusOK && r.RequestBody != ""
	}) {
		row := requestDeviationOf(&llm.Target{Catalog: rec.Provider, Model: rec.Model})
		if row == nil {
			continue
		}
		all[rec.Provider]++
		if got, dropped := row.adapt([]byte(rec.RequestBody)); string(got) != rec.RequestBody || dropped != nil {
			t.Errorf("%s lost %v:\n%.600s\n%.600s", rec.Path, dropped, rec.RequestBody, got)
		}
	}
	t.Logf("requests by provider: %v", all)
}
