package responses_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
	penstock "github.com/penstock/penstock/sdk/go"
)

// TestRequests translates testdata/request/*.in.json; the model stands in the body.
func TestRequests(t *testing.T) {
	c := newRules(t)
	for _, path := range dialecttest.Inputs(t, "testdata/request/*.in.json") {
		name := strings.TrimSuffix(filepath.Base(path), ".in.json")
		t.Run(name, func(t *testing.T) {
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var body struct {
				Model  string
				Stream bool
			}
			if err := json.Unmarshal(in, &body); err != nil {
				t.Fatal(err)
			}
			s, err := transform(t, body.Model, body.Stream, string(in))
			if err != nil {
				t.Fatal(err)
			}
			c.check(t, s.Body)
			got := dialecttest.Encode(t, map[string]any{"dropped": s.Dropped, "context": s.Context, "body": s.Body})
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, got))
		})
	}
}

// TestRequestsAsRecorded translates the requests that clients sent to OpenAI's chat completions
// and to services like it, for models of each family.
func TestRequestsAsRecorded(t *testing.T) {
	c, n := newRules(t), 0
	for _, provider := range []string{"openai", "azure", "cerebras", "deepseek", "groq", "mistral", "ollama", "openrouter", "perplexity", "together", "vllm", "zai"} {
		for _, rec := range dialecttest.Recordings(t, provider, "chat.completions") {
			for _, model := range []string{"gpt-4.1", "gpt-5-mini", "gpt-5.4", "gpt-5.5", "o3", "grok-4.3", "my-model"} {
				s, err := transform(t, model, rec.Stream, rec.Request)
				if strings.Contains(rec.Request, `"input_audio"`) {
					wantRejection(t, rec.Path, err, "not input_audio")
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", filepath.Base(rec.Path), err)
					continue
				}
				n++
				if !strings.Contains(rec.Request, `openrouter:`) && !strings.Contains(rec.Request, `"file_url"`) { // another service's own, which passes
					checkText(t, rec, c.check(t, s.Body))
				}
				if t.Failed() {
					t.Fatalf("%s for %s became %s", rec.Path, model, s.Body)
				}
			}
		}
	}
	t.Logf("%d translations", n)
}

// checkText compares every text of the request with what arrives.
func checkText(t *testing.T, rec dialecttest.Recording, r apiRequest) {
	t.Helper()
	var sent struct {
		Messages []struct {
			Role    string
			Content json.RawMessage
			Calls   []struct {
				Function struct{ Arguments string }
			} `json:"tool_calls"`
		}
	}
	if err := json.Unmarshal([]byte(rec.Request), &sent); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, m := range sent.Messages {
		want = append(want, texts(t, m.Content)...)
		for _, c := range m.Calls {
			want = append(want, dialecttest.Compact(t, c.Function.Arguments))
		}
	}
	if r.Instructions != "" {
		got = append(got, r.Instructions)
	}
	for _, it := range r.Input {
		got = append(append(got, texts(t, it.Content)...), texts(t, it.Output)...)
		if it.Type == "function_call" {
			got = append(got, dialecttest.Compact(t, it.Arguments))
		}
	}
	if joined(want) != joined(got) {
		t.Errorf("%s: texts (-sent +got):\n%s", filepath.Base(rec.Path), cmp.Diff(want, got))
	}
}

// texts are those of a content that is a string or a list of parts.
func texts(t *testing.T, content json.RawMessage) (all []string) {
	t.Helper()
	var one string
	var parts []struct{ Type, Text string }
	switch {
	case len(content) == 0:
	case content[0] == '"':
		_ = json.Unmarshal(content, &one)
		all = append(all, one)
	default:
		if err := json.Unmarshal(content, &parts); err != nil {
			t.Fatalf("%s: %v", content, err)
		}
		for _, p := range parts {
			if p.Text != "" && p.Type != "reasoning_text" {
				all = append(all, p.Text)
			}
		}
	}
	if len(all) == 1 && all[0] == "" {
		return nil
	}
	return all
}

func wantRejection(t *testing.T, what string, err error, message string) {
	t.Helper()
	var e *penstock.Error
	if !errors.As(err, &e) || e.Code != 400 || !strings.Contains(e.Message, message) {
		t.Errorf("%s gave %v, want a rejection with %q", what, err, message)
	}
}

func TestRequestRejected(t *testing.T) {
	for body, want := range map[string]string{
		`[]`:                             "the request body is not a JSON object",
		`{"messages":[]}`:                "messages: no message has any content",
		`{"messages":[{"role":"user"}]}`: "no message has any content",
		`{"messages":[{"role":"narrator","content":"x"}]}`:                                                                      "messages[0].role: must be",
		`{"messages":[{"role":"user","content":{"a":1}}]}`:                                                                      "messages[0].content: must be a string",
		`{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]}`:                                    "messages[0].content[0]: the Responses API takes text",
		`{"messages":[{"role":"user","content":[{"type":"text","text":7}]}]}`:                                                   "messages[0].content[0]: must have a text",
		`{"messages":[{"role":"user","content":[{"type":"Odd one"}]}]}`:                                                         "messages[0].content[0]: has no usable type",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}`:                                        "an image needs a URL",
		`{"messages":[{"role":"user","content":[{"type":"file","file":{}}]}]}`:                                                  "a file needs a file_id",
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"%%"}}]}]}`:                                  "a file needs a file_id",
		`{"messages":[{"role":"assistant","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]}`:            "an assistant's message holds text",
		`{"messages":[{"role":"assistant","content":[{"type":"text"}]}]}`:                                                       "messages[0].content[0]: must have a text",
		`{"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"odd"}]}]}`:                                            "messages[0].tool_calls[0]: only calls of functions",
		`{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{}}]}`:                              "tools[0].function.name: must be",
		`{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"custom","custom":{}}]}`:                                  "tools[0].custom.name: must be",
		`{"messages":[{"role":"user","content":"x"}],"tools":[{}]}`:                                                             "tools[0]: has no usable type",
		`{"messages":[{"role":"user","content":"x"}],"temperature":"hot"}`:                                                      "temperature: must be a number",
		`{"messages":[{"role":"user","content":"x"}],"tools":[` + strings.Repeat(`{"type":"web_search"},`, 3) + `{"type":""}]}`: "tools[3]: has no usable type",
	} {
		_, err := transform(t, "gpt-4.1", false, body)
		wantRejection(t, body, err, want)
	}
}

// TestRequestFidelity carries numbers, escapes and unknown members as they came.
func TestRequestFidelity(t *testing.T) {
	s, err := transform(t, "gpt-4.1", false, `{"messages":[
		{"role":"user","content":"tab\t nul\u0000 lone\ud800 pair\ud83d\ude00"},
		{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"n\":12345678901234567890.50,\"s\":\"\\u0007\"}"}}]},
		{"role":"tool","tool_call_id":"a","content":"ok"}],
		"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"k\u0001\"":{"const":1e400}}}}}],
		"temperature":0.10,"new_thing":{"deep":[1.00,"\u0001"]}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"content":"tab\t nul\u0000 lone\ud800 pair\ud83d\ude00"`,
		`"arguments":"{\"n\":12345678901234567890.50,\"s\":\"\\u0007\"}"`,
		`"properties":{"k\u0001\"":{"const":1e400}}`,
		`"temperature":0.10`,
		`"new_thing":{"deep":[1.00,"\u0001"]}`,
	} {
		if !strings.Contains(string(s.Body), want) {
			t.Errorf("the body lacks %s:\n%s", want, s.Body)
		}
	}
}

// joined are texts without what stands between paragraphs: parts become one text on the way.
func joined(texts []string) string {
	return strings.ReplaceAll(strings.Join(texts, ""), "\n", "")
}
