package ollama_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
	penstock "github.com/penstock/penstock/sdk/go"
)

// TestRequests translates testdata/request/*.in.json.
func TestRequests(t *testing.T) {
	for _, path := range dialecttest.Inputs(t, "testdata/request/*.in.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.json"), func(t *testing.T) {
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := transform(t, strings.Contains(string(in), `"stream":true`), string(in))
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
// like it. Every text and every call arrives.
func TestRequestsAsRecorded(t *testing.T) {
	n, rejected := 0, 0
	for _, provider := range []string{"openai", "azure", "cerebras", "deepseek", "groq", "mistral", "ollama", "openrouter", "perplexity", "together", "vllm", "zai"} {
		for _, rec := range dialecttest.Recordings(t, provider, "chat.completions") {
			s, err := transform(t, rec.Stream, rec.Request)
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
	t.Logf("%d translations, %d rejections", n, rejected)
}

// inexpressible is what of a request Ollama has nothing for.
func inexpressible(rec dialecttest.Recording) string {
	compact := strings.ReplaceAll(rec.Request, `": "`, `":"`)
	for _, has := range []string{`"type":"input_audio"`, `"type":"video_url"`, `"type":"file_url"`, `application/pdf`, `"file_id":"`,
		`"file_data":"http`, `"url":"http`, `"image_url":"http`} {
		if strings.Contains(compact, has) {
			return "Ollama"
		}
	}
	if strings.Contains(compact, `"type":"openrouter:`) {
		return "tools[0]"
	}
	return ""
}

func checkText(t *testing.T, rec dialecttest.Recording, r ollamaRequest) {
	t.Helper()
	var sent struct {
		Messages []struct {
			Content json.RawMessage
			Calls   []struct {
				Function struct{ Arguments string }
			} `json:"tool_calls"`
		}
	}
	if err := json.Unmarshal([]byte(rec.Request), &sent); err != nil {
		t.Fatal(err)
	}
	var texts, calls strings.Builder
	for _, m := range r.Messages {
		texts.WriteString(m.Content + "\n")
		for _, c := range m.Calls {
			calls.WriteString(dialecttest.Compact(t, string(dialecttest.Encode(t, c.Function.Arguments))) + "\n")
		}
	}
	for _, m := range sent.Messages {
		var text string
		var parts []struct{ Type, Text string }
		_ = json.Unmarshal(m.Content, &text)
		_ = json.Unmarshal(m.Content, &parts)
		for _, p := range parts {
			if p.Type == "text" && !strings.Contains(texts.String(), p.Text) {
				t.Errorf("%s: the text %q is lost", filepath.Base(rec.Path), p.Text)
			}
		}
		if !strings.Contains(texts.String(), text) {
			t.Errorf("%s: the text %q is lost", filepath.Base(rec.Path), text)
		}
		for _, c := range m.Calls {
			if !strings.Contains(calls.String(), dialecttest.Compact(t, c.Function.Arguments)) {
				t.Errorf("%s: a call with %s is lost", filepath.Base(rec.Path), c.Function.Arguments)
			}
		}
	}
}

func TestRequestRejected(t *testing.T) {
	for body, want := range map[string]string{
		`[]`:              "the request body is not a JSON object",
		`{"messages":[]}`: "messages: no message has any content",
		`{"messages":[{"role":"narrator","content":"x"}]}`:                                                               "messages[0].role: must be",
		`{"messages":[{"role":"user","content":{"a":1}}]}`:                                                               "messages[0].content: must be a string",
		`{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]}`:                             "messages[0].content[0]: Ollama takes text",
		`{"messages":[{"role":"user","content":[{"type":"text"}]}]}`:                                                     "messages[0].content[0]: must have a text",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]}`:          "messages[0].content[0].image_url: Ollama fetches no images",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/bmp;base64,AA"}}]}]}`: "convert it",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,!!"}}]}]}`: "not base64",
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}`:                              "messages[0].content[0].file: Ollama takes files by their data",
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"JVBERi0="}}]}]}`:                     "text and image files",
		`{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"web_search"}]}`:                                   "tools[0]: only function tools",
		`{"messages":[{"role":"user","content":"x"}],"temperature":"hot"}`:                                               "temperature: must be a number",
	} {
		_, err := transform(t, false, body)
		var e *penstock.Error
		if !errors.As(err, &e) || e.Code != 400 || !strings.Contains(e.Message, want) {
			t.Errorf("%s gave %v, want a rejection with %q", body, err, want)
		}
	}
}

// TestOptions: what becomes of single members.
func TestMembers(t *testing.T) {
	for members, want := range map[string]string{
		`"temperature":0.10,"top_k":5,"stop":"END"`:                                  `"options":{"temperature":0.10,"top_k":5,"stop":["END"]}`,
		`"stop":["","a"],"stop_sequences":["x"]`:                                     `"options":{"stop":["a"]}`,
		`"max_tokens":5,"options":{"num_predict":900,"num_ctx":8}`:                   `"options":{"num_ctx":8,"num_predict":5}`,
		`"options":{"temperature":1},"temperature":0,"num_predict":7`:                `"options":{"temperature":1,"num_predict":7}`,
		`"response_format":{"type":"json_object"}`:                                   `"format":"json"`,
		`"format":"json","keep_alive":"5m"`:                                          `"format":"json","keep_alive":"5m"`,
		`"reasoning_effort":"minimal"`:                                               `"think":"low"`,
		`"reasoning_effort":"none"`:                                                  `"think":false`,
		`"reasoning":{"enabled":true}`:                                               `"think":true`,
		`"thinking":{"type":"enabled","budget_tokens":20000}`:                        `"think":"high"`,
		`"think":"medium","reasoning_effort":"high"`:                                 `"think":"medium"`,
		`"logprobs":true,"top_logprobs":2`:                                           `"logprobs":true,"top_logprobs":2`,
		`"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none"`: ``,
	} {
		s, err := transform(t, false, `{"messages":[{"role":"user","content":"x"}],`+members+`}`)
		head := `{"model":"llama3","stream":false,"messages":[{"role":"user","content":"x"}]`
		if want != "" {
			want = "," + want
		}
		if err != nil || string(s.Body) != head+want+"}" {
			t.Errorf("%s became %s, %v; want %s", members, s.Body, err, want)
		}
	}
}

func TestDropped(t *testing.T) {
	for members, want := range map[string]string{
		`"n":1,"store":false,"logit_bias":{}`:      "",
		`"n":2,"user":"u","logit_bias":{"1":1}`:    "n,user,logit_bias",
		`"reasoning_effort":"extreme","echo":true`: "reasoning_effort,echo",
		`"tools":[{"type":"function","function":{"name":"f","strict":true}}],"tool_choice":"required","parallel_tool_calls":false`: "tools[0].function.strict,tool_choice,parallel_tool_calls",
	} {
		s, err := transform(t, false, `{"messages":[{"role":"user","content":"x"}],`+members+`}`)
		if got := strings.Join(s.Dropped, ","); err != nil || got != want {
			t.Errorf("%s dropped %q, %v; want %q", members, got, err, want)
		}
	}
}
