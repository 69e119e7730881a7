package cohere_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
	penstock "github.com/penstock/penstock/sdk/go"
)

// TestRequests translates testdata/request/*.in.json; the model stands in the body.
func TestRequests(t *testing.T) {
	for _, path := range dialecttest.Inputs(t, "testdata/request/*.in.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.json"), func(t *testing.T) {
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
			checkRules(t, s.Body)
			shown := dialecttest.Encode(t, map[string]any{"dropped": s.Dropped, "body": s.Body})
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, shown))
		})
	}
}

// TestRequestsAsRecorded translates the requests that clients sent to OpenAI and to services
// like it, for a model that thinks and one that does not.
func TestRequestsAsRecorded(t *testing.T) {
	n, rejected := 0, 0
	for _, provider := range []string{"openai", "azure", "cerebras", "deepseek", "groq", "mistral", "ollama", "openrouter", "perplexity", "together", "vllm", "zai"} {
		for _, rec := range dialecttest.Recordings(t, provider, "chat.completions") {
			for _, model := range []string{"command-r-08-2024", "command-a-reasoning-08-2025"} {
				s, err := transform(t, model, rec.Stream, rec.Request)
				if what := inexpressible(rec); what != "" {
					var e *penstock.Error
					if rejected++; !errors.As(err, &e) || e.Code != 400 || !strings.Contains(e.Message, what) {
						t.Errorf("%s: gave %v, want a rejection that names %s", filepath.Base(rec.Path), err, what)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", filepath.Base(rec.Path), err)
					continue
				}
				n++
				checkText(t, rec, checkRules(t, s.Body))
				if t.Failed() {
					t.Fatalf("%s became %s", filepath.Base(rec.Path), s.Body)
				}
			}
		}
	}
	t.Logf("%d translations, %d rejections", n, rejected)
}

// inexpressible is what of a request Cohere has nothing for.
func inexpressible(rec dialecttest.Recording) string {
	compact := strings.ReplaceAll(rec.Request, `": "`, `":"`)
	switch {
	case strings.Contains(compact, `"type":"input_audio"`), strings.Contains(compact, `"type":"video_url"`), strings.Contains(compact, `"type":"file_url"`), strings.Contains(compact, `application/pdf`),
		strings.Contains(compact, `"file_id":"`), strings.Contains(compact, `"file_data":"http`):
		return "Cohere"
	case strings.Contains(compact, `"type":"openrouter:`):
		return "tools[0]"
	}
	return ""
}

// checkText compares every text of the request with what arrives.
func checkText(t *testing.T, rec dialecttest.Recording, r cohereRequest) {
	t.Helper()
	var sent struct {
		Messages []struct {
			Content json.RawMessage
			Calls   []cohereCall `json:"tool_calls"`
		}
	}
	if err := json.Unmarshal([]byte(rec.Request), &sent); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, m := range sent.Messages {
		want = append(want, textsOf(m.Content)...)
		for _, c := range m.Calls {
			want = append(want, dialecttest.Compact(t, c.Function.Arguments))
		}
	}
	for _, m := range r.Messages {
		got = append(got, textsOf(m.Content)...)
		if m.Plan != "" {
			got = append(got, m.Plan)
		}
		for _, c := range m.Calls {
			got = append(got, dialecttest.Compact(t, c.Function.Arguments))
		}
	}
	got = slices.DeleteFunc(got, func(s string) bool {
		return strings.HasPrefix(s, "Respond with one valid JSON object") || s == "(Images that the tools returned.)"
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: texts (-sent +got):\n%s", filepath.Base(rec.Path), diff)
	}
}

func textsOf(content json.RawMessage) (all []string) {
	var text string
	if json.Unmarshal(content, &text) == nil && text != "" {
		return []string{text}
	}
	var parts []struct{ Type, Text string }
	_ = json.Unmarshal(content, &parts)
	for _, p := range parts {
		if p.Text != "" && p.Type == "text" {
			all = append(all, p.Text)
		}
	}
	return all
}

func TestRequestRejected(t *testing.T) {
	for body, want := range map[string]string{
		`[]`:              "the request body is not a JSON object",
		`{"messages":[]}`: "messages: no message has any content",
		`{"messages":[{"role":"user","content":""}]}`:                                                                                                                  "messages: no message has any content",
		`{"messages":[{"role":"narrator","content":"x"}]}`:                                                                                                             "messages[0].role: must be",
		`{"messages":[{"role":"user","content":{"a":1}}]}`:                                                                                                             "messages[0].content: must be a string",
		`{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]}`:                                                                           "messages[0].content[0]: Cohere's models take text",
		`{"messages":[{"role":"user","content":[{"type":"text","text":7}]}]}`:                                                                                          "messages[0].content[0]: must have a text",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"gs://x"}}]}]}`:                                                                 "messages[0].content[0].image_url: an image needs",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/tiff;base64,AA=="}}]}]}`:                                            "convert it",
		`{"messages":[{"role":"system","content":[{"type":"image_url","image_url":{"url":"https://x/y"}}]}]}`:                                                          "only the user's messages",
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}`:                                                                            "messages[0].content[0].file: Cohere takes files by their data",
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERi0="}}]}]}`:                                       "text and image files",
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:text/plain;base64,!"}}]}]}`:                                                   "not base64",
		`{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"custom","custom":{}}]}`:                                                                         "tools[0]: only function tools",
		`{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":""}}]}`:                                                            "tools[0].name",
		`{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"g"}}}`: "tool_choice: names no function",
		`{"messages":[{"role":"user","content":"x"}],"temperature":"hot"}`:                                                                                             "temperature: must be a number",
	} {
		_, err := transform(t, "command-a-03-2025", false, body)
		var e *penstock.Error
		if !errors.As(err, &e) || e.Code != 400 || !strings.Contains(e.Message, want) {
			t.Errorf("%s gave %v, want a rejection with %q", body, err, want)
		}
	}
}

// TestDropped names what has no place, and says nothing of what changes nothing.
func TestDropped(t *testing.T) {
	for members, want := range map[string]string{
		`"n":1,"logprobs":false,"store":null,"service_tier":"auto","parallel_tool_calls":true,"stream_options":{"include_usage":true}`: "",
		`"n":2,"logit_bias":{"1":2},"logprobs":true,"user":"u"`:                                                                        "n,logit_bias,logprobs,user",
		`"temperature":1.5`:                             "temperature",
		`"top_p":1`:                                     "",
		`"top_p":1.5`:                                   "top_p",
		`"top_k":1000,"presence_penalty":-2`:            "top_k,presence_penalty",
		`"stop":["a","b","c","d","e","f"]`:              "stop",
		`"reasoning_effort":"high"`:                     "reasoning_effort",
		`"reasoning_effort":"none"`:                     "",
		`"min_p":0.1,"citation_options":{"mode":"OFF"}`: "min_p",
		`"tools":[{"type":"function","function":{"name":"f","strict":true}}],"parallel_tool_calls":false`: "tools[0].function.strict,parallel_tool_calls",
		`"tools":[{"type":"function","function":{"name":"f"}}],"response_format":{"type":"json_object"}`:  "response_format",
	} {
		s, err := transform(t, "command-a-03-2025", false, `{"messages":[{"role":"user","content":"x"}],`+members+`}`)
		if got := strings.Join(s.Dropped, ","); err != nil || got != want {
			t.Errorf("%s dropped %q, %v; want %q", members, got, err, want)
		}
		checkRules(t, s.Body)
	}
}
