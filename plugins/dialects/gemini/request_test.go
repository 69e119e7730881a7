package gemini_test

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
			checkRules(t, body.Model, s.Body)
			shown := dialecttest.Encode(t, map[string]any{"path": s.Path, "dropped": s.Dropped, "context": s.Context, "body": s.Body})
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, shown))
		})
	}
}

// TestRequestsAsRecorded translates the requests that clients sent to OpenAI and to services
// like it, for one model of each generation.
func TestRequestsAsRecorded(t *testing.T) {
	n, refused := 0, 0
	var recs []dialecttest.Recording
	for _, provider := range []string{"openai", "azure", "cerebras", "deepseek", "groq", "mistral", "ollama", "openrouter", "perplexity", "together", "vllm", "zai"} {
		recs = append(recs, dialecttest.Recordings(t, provider, "chat.completions")...)
	}
	for _, rec := range recs {
		for _, model := range []string{"gemini-2.0-flash", "gemini-2.5-flash", "gemini-3-pro-preview"} {
			s, err := transform(t, model, rec.Stream, rec.Request)
			if what := inexpressible(rec); what != "" {
				var e *penstock.Error
				if !errors.As(err, &e) || e.Code != 400 || !strings.Contains(e.Message, what) {
					t.Errorf("%s: gave %v, want a rejection that names %s", filepath.Base(rec.Path), err, what)
				}
				refused++
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", rec.Path, err)
				continue
			}
			n++
			r := checkRules(t, model, s.Body)
			checkText(t, rec, r)
			if t.Failed() {
				t.Fatalf("%s became %.4000s", filepath.Base(rec.Path), s.Body)
			}
		}
	}
	t.Logf("%d translations, %d rejections", n, refused)
}

// inexpressible is what of a request Gemini has nothing for: the tools that another service
// runs itself, the files that were uploaded to it, and a Word document without its type.
func inexpressible(rec dialecttest.Recording) string {
	switch {
	case strings.Contains(rec.Request, `"type":"openrouter:`), strings.Contains(rec.Request, `"type": "openrouter:`):
		return "tools[0]"
	case strings.Contains(rec.Request, `"file_id":"file-`), strings.Contains(rec.Request, `"file_id": "file-`):
		return ".file: needs"
	case strings.Contains(rec.Request, `"UEsDB`):
		return ".file_url: needs"
	}
	return ""
}

// checkText compares every text of the request with what arrives.
func checkText(t *testing.T, rec dialecttest.Recording, r geminiRequest) {
	t.Helper()
	var sent struct {
		Messages []struct {
			Role    string
			Content any
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
		if m.Role == "system" || m.Role == "developer" || m.Role == "tool" {
			continue
		}
		if text, ok := m.Content.(string); ok && text != "" {
			want = append(want, text)
		}
		if parts, ok := m.Content.([]any); ok {
			for _, p := range parts {
				if text, ok := p.(map[string]any)["text"].(string); ok && text != "" {
					want = append(want, text)
				}
			}
		}
		for _, c := range m.Calls {
			want = append(want, dialecttest.Compact(t, c.Function.Arguments))
		}
	}
	for _, c := range r.Contents {
		for _, p := range c.Parts {
			switch {
			case p.Text != nil && *p.Text != "(The conversation so far.)":
				got = append(got, *p.Text)
			case p.Call != nil:
				got = append(got, dialecttest.Compact(t, string(dialecttest.Encode(t, p.Call.Args))))
			}
		}
	}
	if len(sent.Messages) > 0 && len(want) == 0 {
		return // what only the system says becomes the user's
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: texts (-sent +got):\n%s", filepath.Base(rec.Path), diff)
	}
}

func TestRequestRejected(t *testing.T) {
	for body, want := range map[string]string{
		`{"messages":[]}`: "messages: no message has any content",
		`{"messages":[{"role":"user","content":""}]}`:                                                            "no message has any content",
		`{"messages":[{"role":"narrator","content":"x"}]}`:                                                       "messages[0].role: must be",
		`{"messages":[{"role":"user","content":{"a":1}}]}`:                                                       "messages[0].content: must be a string",
		`{"messages":[{"role":"user","content":[{"type":"hologram"}]}]}`:                                         "not hologram",
		`{"messages":[{"role":"user","content":[{"type":"text","text":7}]}]}`:                                    "messages[0].content[0]: must have a text",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"ftp://x"}}]}]}`:          "messages[0].content[0].image_url: needs an https",
		`{"messages":[{"role":"user","content":[{"type":"file","file":{}}]}]}`:                                   "a file needs a file_id",
		`{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA"}}]}]}`:        "needs a media type",
		`{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"mcp"}]}`:                                  "tools[0]: only functions",
		`{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{}}]}`:               "tools[0].function.name",
		`{"messages":[{"role":"user","content":"x"}],"temperature":"hot"}`:                                       "temperature: must be a number",
		`{"messages":[{"role":"user","content":"x"}],"n":9}`:                                                     "n: Gemini gives at most 8",
		`{"messages":[{"role":"user","content":"x"}],"cached_content":"cachedContents/a"}`:                       "cached_content",
		`{"messages":[{"role":"user","content":"x"},{"role":"tool","tool_call_id":"a","content":"y"}]}`:          "messages[1]: is the result of no call",
		`{"messages":[{"role":"assistant","tool_calls":[` + aCall + `]},{"role":"user","content":"y"}]}`:         "messages[0].tool_calls[0]: has no result",
		`{"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"x"}]},{"role":"user","content":"y"}]}`: "messages[0].tool_calls[0]: only calls",
		`[]`: "the request body is not a JSON object",
	} {
		_, err := transform(t, "gemini-2.5-flash", false, body)
		var e *penstock.Error
		if !errors.As(err, &e) || e.Code != 400 || !strings.Contains(e.Message, want) {
			t.Errorf("%s gave %v, want a rejection with %q", body, err, want)
		}
	}
}

const aCall = `{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}`

// TestRequestFidelity carries numbers, escapes and signatures as they came.
func TestRequestFidelity(t *testing.T) {
	s, err := transform(t, "gemini-3-flash-preview", false, `{"messages":[
		{"role":"user","content":"tab\t nul\u0000 lone\ud800 pair\ud83d\ude00"},
		{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"n\":12345678901234567890.50}"},
			"extra_content":{"google":{"thought_signature":"a+b/c=="}}}]},
		{"role":"tool","tool_call_id":"a","content":"ok"}],
		"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"k\u0001\"":{"const":1e400}}}}}],
		"temperature":0.10}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"text":"tab\t nul\u0000 lone\ud800 pair\ud83d\ude00"`,
		`"args":{"n":12345678901234567890.50}`,
		`"thoughtSignature":"a+b/c=="`,
		`"properties":{"k\u0001\"":{"const":1e400}}`,
		`"temperature":0.10`,
	} {
		if !strings.Contains(string(s.Body), want) {
			t.Errorf("the body lacks %s:\n%s", want, s.Body)
		}
	}
}

func TestPaths(t *testing.T) {
	for model, want := range map[string]string{
		"gemini-2.5-flash":           "/models/gemini-2.5-flash:generateContent",
		"models/gemini-2.5-flash":    "/models/gemini-2.5-flash:generateContent",
		"tunedModels/mine":           "/tunedModels/mine:generateContent",
		"publishers/google/models/g": "/publishers/google/models/g:generateContent",
		"a b?:":                      "/models/a%20b%3F%3A:generateContent",
	} {
		s, err := transform(t, model, false, `{"messages":[{"role":"user","content":"x"}]}`)
		if err != nil || s.Path != want {
			t.Errorf("%s is called at %s, %v; want %s", model, s.Path, err, want)
		}
	}
}
