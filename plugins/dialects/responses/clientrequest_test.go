package responses_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
			got := dialecttest.Encode(t, map[string]any{"body": body, "context": context})
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, got))
		})
	}
}

func TestAcceptRejects(t *testing.T) {
	for body, want := range map[string]string{
		`[]`:                      "the request body is not a JSON object",
		`{"model":"m"}`:           "input: must be a string or an array",
		`{"model":"m","input":5}`: "input: must be a string or an array",
		`{"model":"m","input":"x","previous_response_id":"resp_1"}`:                                               "previous_response_id: only a target that speaks the Responses API",
		`{"model":"m","input":"x","conversation":{"id":"c"}}`:                                                     "conversation: only a target",
		`{"model":"m","input":"x","prompt":{"id":"p"}}`:                                                           "prompt: only a target",
		`{"model":"m","input":"x","store":true}`:                                                                  "store: only a target",
		`{"model":"m","input":"x","background":true}`:                                                             "background: only a target",
		`{"model":"m","input":[{"role":"user","content":"x"},{"type":"item_reference","id":"x"}]}`:                "input[1]: only a target",
		`{"model":"m","input":[{"type":"compaction","encrypted_content":"x"}]}`:                                   "input[0]: a compacted conversation",
		`{"model":"m","input":[{}]}`:                                                                              "input[0]: must be an item",
		`{"model":"m","input":[{"role":"narrator","content":"x"}]}`:                                               "input[0].role: must be",
		`{"model":"m","input":[{"role":"user","content":[7]}]}`:                                                   "input[0].content[0]: must be a content part",
		`{"model":"m","input":[{"role":"user","content":[{"type":"input_text"},{"type":"input_text"}]}]}`:         "input[0].content[0]: must have a text",
		`{"model":"m","input":[{"role":"user","content":[{"type":"input_image"}]}]}`:                              "input[0].content[0].image_url: an image needs",
		`{"model":"m","input":[{"role":"assistant","content":[{"type":"input_image","image_url":"https://x"}]}]}`: "input[0].content[0]: an assistant's message",
		`{"model":"m","input":[{"type":"function_call","call_id":"c","arguments":"{}"}]}`:                         "input[0].name: must name",
		`{"model":"m","input":"x","tools":[{"type":"function"}]}`:                                                 "tools[0].name: must be",
		`{"model":"m","input":"x","tools":[{"type":"namespace","name":"n","tools":[{"type":"function"}]}]}`:       "tools[0].tools[0].name: must be",
		`{"model":"m","input":"x","tools":[{}]}`:                                                                  "tools[0]: must have a type",
	} {
		_, _, err := host.AcceptWithContext(t, nil, body)
		wantRejection(t, body, err, want)
	}
}

// TestRecordedRequestsAreAccepted puts every recorded request into the canonical form and back
// into this API's, which has to say the same, and into Anthropic's.
func TestRecordedRequestsAreAccepted(t *testing.T) {
	n, refused := 0, 0
	claude := dialecttest.Host{Dialect: "anthropic"}
	for _, rec := range recordings(t, func(r dialecttest.Recording) bool { return r.Request != "" }) {
		body, _, err := host.AcceptWithContext(t, nil, rec.Request)
		if why := keptByProvider(rec.Request); why != "" {
			wantRejection(t, rec.Path, err, why)
			refused++
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", rec.Path, err)
			continue
		}
		n++
		s, err := transform(t, "my-model", rec.Stream, string(body))
		if rec.Status == 200 && strings.Contains(rec.Response, `"response.input_tokens"`) {
			continue // a count of what may have no message
		}
		if err != nil {
			t.Errorf("%s: %v", rec.Path, err)
			continue
		}
		var sent, got apiRequest
		if err := json.Unmarshal(s.Body, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(withoutTextInput(t, rec.Request), &sent); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(contents(t, sent), contents(t, got)); diff != "" && rec.Status == 200 { // DeepSeek refuses a text between calls
			t.Errorf("%s (-sent +got):\n%s", rec.Path, diff)
		}
		if rec.Status != 200 || strings.Contains(rec.Request, `"file_id"`) { // what OpenAI refuses, too, or keeps
			continue
		}
		if _, err := claude.Request(t, dialecttest.Target{Model: "claude-sonnet-4-5", MaxOutput: 8192}, rec.Stream, string(body)); err != nil {
			t.Errorf("%s for Claude: %v", rec.Path, err)
		}
	}
	t.Logf("%d of %d requests are accepted and come back, %d need a provider that keeps responses", n, n+refused, refused)
}

// keptByProvider is what of a request only a provider that keeps responses can answer.
func keptByProvider(request string) string {
	var r struct {
		Previous     *string         `json:"previous_response_id"`
		Conversation json.RawMessage `json:"conversation"`
		Store        bool            `json:"store"`
		Background   bool            `json:"background"`
	}
	_ = json.Unmarshal([]byte(request), &r)
	switch {
	case r.Previous != nil:
		return "previous_response_id"
	case r.Conversation != nil && string(r.Conversation) != "null":
		return "conversation"
	case r.Store:
		return "store"
	case r.Background:
		return "background"
	}
	return ""
}

// withoutTextInput puts an input that is a text into an item.
func withoutTextInput(t *testing.T, request string) []byte {
	t.Helper()
	var r map[string]json.RawMessage
	if err := json.Unmarshal([]byte(request), &r); err != nil {
		t.Fatal(err)
	}
	if r["input"][0] == '"' {
		r["input"] = json.RawMessage(`[{"role":"user","content":` + string(r["input"]) + `}]`)
	}
	return dialecttest.Encode(t, r)
}

// contents are the texts, calls and results of a request, item by item. Instructions are system messages, and what
// providers ran themselves is not part of it.
func contents(t *testing.T, r apiRequest) (all []string) {
	t.Helper()
	system, assistant := r.Instructions, ""
	flush := func() {
		if assistant != "" {
			all = append(all, "assistant:"+assistant)
		}
		assistant = ""
	}
	for _, it := range r.Input {
		switch {
		case it.Role == "system" || it.Role == "developer":
			system += strings.Join(texts(t, it.Content), "")
		case it.Role == "assistant":
			assistant += strings.Join(texts(t, it.Content), "")
		case it.Role == "user":
			flush()
			all = append(all, "user:"+strings.Join(texts(t, it.Content), ""))
		case strings.HasSuffix(it.Type, "_output"):
			flush()
			all = append(all, "result:"+strings.Join(texts(t, it.Output), ""))
		case it.Type == "function_call":
			flush()
			all = append(all, "call:"+it.Name+dialecttest.Compact(t, it.Arguments))
		case it.Type == "reasoning" && it.Encrypted != "":
			flush()
			all = append(all, "reasoning:"+it.Encrypted)
		}
	}
	flush()
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], "\n", "")
	}
	return append([]string{"system:" + strings.ReplaceAll(system, "\n", "")}, all...)
}
