package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// askResponses is a request of a client of the Responses API.
func askResponses(stream bool) string {
	return fmt.Sprintf(`{"model":"m","stream":%t,"store":false,"input":"hi","tools":[{"type":"custom","name":"patch"}]}`, stream)
}

// TestResponsesClientEverywhere has providers of other formats answer a client of the
// Responses API with each recorded reply: it must become a response as OpenAI describes it,
// and a stream the same response as the plain reply that it adds up to.
func TestResponsesClientEverywhere(t *testing.T) {
	skipRaced(t)
	for _, of := range []struct {
		dialect, endpoint string
		providers         []string
	}{
		{"openai", "chat.completions", []string{"openai", "deepseek", "groq", "mistral", "openrouter", "vllm"}},
		{"anthropic", "messages", []string{"anthropic"}},
	} {
		up := &replayer{}
		h := openTestServer(t, up, strings.Replace(toOpenAI, "dialect: openai", "dialect: "+of.dialect, 1))
		all, right := map[string]int{}, map[string]int{}
		for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
			return r.Endpoint == of.endpoint && slices.Contains(of.providers, r.Provider)
		}) {
			all[rec.Provider]++
			t.Run(rec.Path, func(t *testing.T) {
				up.current.Store(rec)
				h.health.Forget("up")
				want, chat := h.post(t, askOpenAI(rec.Stream))
				h.health.Forget("up")
				resp, got := h.postTo(t, "/responses", askResponses(rec.Stream))
				switch {
				case want.StatusCode != http.StatusOK || rec.Stream && !strings.Contains(string(chat), "data: [DONE]"):
					if resp.StatusCode == http.StatusOK && !strings.Contains(string(got), `"type":"error"`) {
						t.Errorf("a chat client gets an error, this one %s", got)
					}
				case resp.StatusCode != http.StatusOK:
					t.Errorf("status %d: %s", resp.StatusCode, got)
				case rec.Stream:
					checkEvents(t, got)
				default:
					dialecttest.OpenAPI(t, "Response").Check(t, got)
				}
				if !t.Failed() {
					right[rec.Provider]++
				}
			})
		}
		for _, provider := range slices.Sorted(maps.Keys(all)) {
			t.Logf("%s: %d of %d replies are right for a client of the Responses API", provider, right[provider], all[provider])
		}
	}
}

// checkEvents checks the events of a stream, which end with a response.
func checkEvents(t *testing.T, frames []byte) {
	t.Helper()
	schema, ends := dialecttest.OpenAPI(t, "ResponseStreamEvent"), 0
	events := dialecttest.ParseSSE(string(frames))
	for i, e := range events {
		schema.Check(t, []byte(e.Data))
		var v struct {
			Sequence int `json:"sequence_number"`
		}
		if err := json.Unmarshal([]byte(e.Data), &v); err != nil || v.Sequence != i {
			t.Errorf("event %d: %s, %v", i, e.Data, err)
		}
		if e.Name == "response.completed" || e.Name == "response.incomplete" {
			ends++
		}
	}
	if ends != 1 || len(events) == 0 || !strings.HasPrefix(events[len(events)-1].Name, "response.") {
		t.Errorf("the stream has %d ends: %s", ends, frames)
	}
}

// TestResponsesClientTools sends a request with every kind of a client's own tools through the
// gateway to a provider of chat completions, and wants its calls back in the client's form.
func TestResponsesClientTools(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, toOpenAI)
	call := func(i int, name, args string) string {
		return fmt.Sprintf(`{"id":"call_%d","type":"function","function":{"name":%q,"arguments":%q}}`, i, name, args)
	}
	up.current.Store(&llmtest.Recorded{Status: 200, Header: map[string]string{"content-type": "application/json"}, Body: []byte(
		`{"id":"c","object":"chat.completion","created":1,"model":"gpt-x","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[` +
			call(1, "apply_patch", `{"input":"*** Begin"}`) + `,` + call(2, "mcp__gh__issue", `{"n":1}`) + `]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`)})
	request := `{"model":"m","input":"hi","temperature":0.5,"tools":[{"type":"custom","name":"apply_patch"},` +
		`{"type":"namespace","name":"mcp__gh","description":"d","tools":[{"type":"function","name":"issue","parameters":{"type":"object","properties":{}}}]}]}`
	for range 2 { // the second one may be answered from the cache of a gateway that has one
		resp, got := h.postTo(t, "/responses", request)
		var r struct {
			Temperature float64
			Output      []struct{ Type, Name, Namespace, Input, Arguments string }
		}
		if err := json.Unmarshal(got, &r); err != nil || resp.StatusCode != http.StatusOK || r.Temperature != 0.5 {
			t.Fatalf("%d %s, %v", resp.StatusCode, got, err)
		}
		want := []struct{ Type, Name, Namespace, Input, Arguments string }{
			{Type: "custom_tool_call", Name: "apply_patch", Input: "*** Begin"},
			{Type: "function_call", Name: "issue", Namespace: "mcp__gh", Arguments: `{"n":1}`},
		}
		if diff := cmp.Diff(want, r.Output); diff != "" {
			t.Errorf("output (-want +got):\n%s", diff)
		}
	}
}

// TestResponsesClientRefused names what only a provider of the client's own dialect can do.
func TestResponsesClientRefused(t *testing.T) {
	h := openTestServer(t, &replayer{}, toOpenAI)
	for field, member := range map[string]string{"previous_response_id": `"previous_response_id":"resp_1"`, "conversation": `"conversation":"c"`,
		"store": `"store":true`, "background": `"background":true`, "prompt": `"prompt":{"id":"p"}`} {
		resp, got := h.postTo(t, "/responses", `{"model":"m","input":"hi",`+member+`}`)
		var e struct {
			Error struct{ Message, Type, Param string }
		}
		if err := json.Unmarshal(got, &e); err != nil || resp.StatusCode != http.StatusBadRequest || e.Error.Type != "invalid_request_error" || !strings.Contains(e.Error.Message, field) {
			t.Errorf("%s gave %d %s", field, resp.StatusCode, got)
		}
	}
}
