package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestChatToResponses asks in OpenAI's chat format and has the upstream answer with every
// recorded reply of a Responses API: text, tool calls, finish and usage must be those of the
// recording.
func TestChatToResponses(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: openai-responses, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/gpt-5.4], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	all, right := 0, 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return r.Endpoint == "responses" && r.Method == http.MethodPost }) {
		all++
		t.Run(rec.Path, func(t *testing.T) {
			up.current.Store(rec)
			up.asked.Store(nil)
			h.health.Forget("up")
			resp, got := h.post(t, fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":%t,"stream_options":{"include_usage":true}}`, rec.Stream))
			switch {
			case rec.Status != http.StatusOK:
				checkResponsesError(t, rec, resp, got)
			case !strings.Contains(string(rec.Body), `"output"`) || strings.Contains(string(rec.Body), `"queued"`): // a count of tokens, an answer in the making
				if resp.StatusCode != http.StatusBadGateway {
					t.Errorf("no answer gave %d %s", resp.StatusCode, got)
				}
			default:
				if diff := cmp.Diff(responsesContent(t, rec), gatewayContent(t, rec.Stream, got)); diff != "" {
					t.Errorf("answer (-the provider's +ours):\n%s\nwhole: %s", diff, got)
				}
			}
			checkResponsesCall(t, rec.Stream, up.asked.Load())
			if !t.Failed() {
				right++
			}
		})
	}
	t.Logf("%d of %d recordings of Responses APIs are answered right", right, all)
}

// checkResponsesCall wants the upstream to have been asked in its own format.
func checkResponsesCall(t *testing.T, stream bool, asked *[]byte) {
	t.Helper()
	want := `{"model":"gpt-5.4","input":[{"role":"user","content":"hi"}],"include":["reasoning.encrypted_content"],"store":false}`
	if stream {
		want = strings.Replace(want, `,"input"`, `,"stream":true,"input"`, 1)
	}
	if asked == nil {
		t.Error("the upstream was not asked")
	} else if diff := cmp.Diff(want, string(*asked)); diff != "" {
		t.Errorf("request (-want +upstream's):\n%s", diff)
	}
}

// checkResponsesError wants the provider's message and status in OpenAI's shape. A refused
// key is the operator's matter, so the caller sees 502.
func checkResponsesError(t *testing.T, rec *llmtest.Recorded, resp *http.Response, got []byte) {
	t.Helper()
	var ours struct {
		Error struct{ Message, Type, Code string }
	}
	if err := json.Unmarshal(got, &ours); err != nil || ours.Error.Message == "" {
		t.Fatalf("reply %s: %v", got, err)
	}
	if rec.Status == http.StatusUnauthorized || rec.Provider == "xai" {
		if resp.StatusCode != http.StatusBadGateway || ours.Error.Code != "provider_auth" {
			t.Errorf("a refused key gave %d %s", resp.StatusCode, got)
		}
		return
	}
	var theirs struct{ Error struct{ Message string } }
	if err := json.Unmarshal(rec.Body, &theirs); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != rec.Status || ours.Error.Message != theirs.Error.Message {
		t.Errorf("the error is %d %s, want %d %s", resp.StatusCode, got, rec.Status, rec.Body)
	}
}

// responsesContent is what a recorded response holds.
func responsesContent(t *testing.T, rec *llmtest.Recorded) content {
	t.Helper()
	body := rec.Body
	if rec.Stream {
		for _, data := range dataLines(string(rec.Body)) {
			var e struct {
				Type     string
				Response json.RawMessage
			}
			if json.Unmarshal([]byte(data), &e) == nil && e.Type == "response.completed" {
				body = e.Response
			}
		}
	}
	var r struct {
		Output []struct {
			Type, Name, Arguments string
			CallID                string `json:"call_id"`
			Content               []struct{ Text string }
		}
		Usage struct {
			In     int64 `json:"input_tokens"`
			Out    int64 `json:"output_tokens"`
			Detail struct {
				Cached int64 `json:"cached_tokens"`
			} `json:"input_tokens_details"`
		}
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	s := content{Finish: "stop", In: r.Usage.In, Out: r.Usage.Out, Cached: r.Usage.Detail.Cached}
	var texts []string
	for _, it := range r.Output {
		switch it.Type {
		case "message":
			text := ""
			for _, part := range it.Content {
				text += part.Text
			}
			texts = append(texts, text)
		case "function_call":
			s.Finish = "tool_calls"
			s.Calls = append(s.Calls, contentCall{ID: it.CallID, Name: it.Name, Args: parsed(t, it.Arguments)})
		}
	}
	s.Text = strings.Join(texts, "\n\n")
	return s
}
