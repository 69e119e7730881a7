package anthropic_test

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
			checkRules(t, s.Body)
			shown := dialecttest.Encode(t, map[string]any{"headers": s.Headers, "dropped": s.Dropped, "body": s.Body})
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, shown))
		})
	}
}

// TestRequestsAsRecorded translates the requests that clients sent to OpenAI and to services
// like it, for one model of each generation.
func TestRequestsAsRecorded(t *testing.T) {
	n := 0
	var recs []dialecttest.Recording
	for _, provider := range []string{"openai", "azure", "cerebras", "deepseek", "groq", "mistral", "ollama", "openrouter", "perplexity", "together", "vllm", "zai"} {
		recs = append(recs, dialecttest.Recordings(t, provider, "chat.completions")...)
	}
	for _, rec := range recs {
		for _, model := range []string{"claude-3-5-haiku-20241022", "claude-sonnet-4-5", "claude-opus-4-8", "glm-4.7"} {
			s, err := transform(t, model, rec.Stream, rec.Request)
			if what := inexpressible(rec); what != "" {
				var e *penstock.Error
				if !errors.As(err, &e) || e.Code != 400 || !strings.Contains(e.Message, what) {
					t.Errorf("%s: gave %v, want a rejection that names %s", filepath.Base(rec.Path), err, what)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", filepath.Base(rec.Path), err)
				continue
			}
			n++
			r := checkRules(t, s.Body)
			checkText(t, rec, r)
			if t.Failed() {
				t.Fatalf("%s became %s", filepath.Base(rec.Path), s.Body)
			}
		}
	}
	t.Logf("%d translations", n)
}

// inexpressible is what of a request Anthropic has nothing for: audio, and the tools that
// another service runs itself.
func inexpressible(rec dialecttest.Recording) string {
	switch {
	case strings.Contains(rec.Request, `"input_audio"`):
		return "input_audio"
	case strings.Contains(rec.Request, `"type":"openrouter:`), strings.Contains(rec.Request, `"type": "openrouter:`):
		return "tools[0]"
	}
	return ""
}

// checkText compares every text of the request with what arrives.
func checkText(t *testing.T, rec dialecttest.Recording, r anthropicRequest) {
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
		if m.Role == "system" || m.Role == "developer" {
			continue
		}
		if text, ok := m.Content.(string); ok && text != "" {
			want = append(want, text)
		}
		for _, c := range m.Calls {
			want = append(want, dialecttest.Compact(t, c.Function.Arguments))
		}
		if parts, ok := m.Content.([]any); ok {
			for _, p := range parts {
				if text, ok := p.(map[string]any)["text"].(string); ok {
					want = append(want, text)
				}
			}
		}
	}
	for _, m := range r.Messages {
		for _, b := range m.Content {
			switch b.Type {
			case "text":
				if b.Text != "(The conversation so far.)" {
					got = append(got, b.Text)
				}
			case "tool_use":
				got = append(got, dialecttest.Compact(t, string(b.Input)))
			case "tool_result":
				var inner []anthropicBlock
				_ = json.Unmarshal(b.Content, &inner)
				for _, x := range inner {
					if x.Type == "text" {
						got = append(got, x.Text)
					}
				}
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: texts (-sent +got):\n%s", filepath.Base(rec.Path), diff)
	}
}

func TestRequestRejected(t *testing.T) {
	for body, want := range map[string]string{
		`{"messages":[]}`: "messages: no message has any content",
		`{"messages":[{"role":"user","content":"  \n"}]}`:                                              "no message has any content",
		`{"messages":[{"role":"narrator","content":"x"}]}`:                                             "messages[0].role: must be",
		`{"messages":[{"role":"user","content":{"a":1}}]}`:                                             "messages[0].content: must be a string",
		`{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]}`:           "messages[0].content[0]: Anthropic's models take text",
		`{"messages":[{"role":"user","content":[{"type":"text","text":7}]}]}`:                          "messages[0].content[0]: must have a text",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"gs://x"}}]}]}`: "an image needs an https URL",
		`{"messages":[{"role":"user","content":[{"type":"file","file":{}}]}]}`:                         "a file needs a file_id",
		`{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"custom","custom":{}}]}`:         "tools[0]: only function tools",
		`{"messages":[{"role":"user","content":"x"}],"temperature":"hot"}`:                             "temperature: must be a number",
		`[]`: "the request body is not a JSON object",
	} {
		_, err := transform(t, "claude-sonnet-4-5", false, body)
		var e *penstock.Error
		if !errors.As(err, &e) || e.Code != 400 || !strings.Contains(e.Message, want) {
			t.Errorf("%s gave %v, want a rejection with %q", body, err, want)
		}
	}
}

// TestRequestFidelity carries numbers, escapes and unknown members as they came.
func TestRequestFidelity(t *testing.T) {
	s, err := transform(t, "claude-sonnet-4-5", false, `{"messages":[
		{"role":"user","content":"tab\t nul\u0000 bell\u0007 lone\ud800 pair\ud83d\ude00 del\u007f tag\udb40\udc01"},
		{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"n\":12345678901234567890.50,\"s\":\"\\u0007\"}"}}]},
		{"role":"tool","tool_call_id":"a","content":"ok"}],
		"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"k\u0001\"":{"const":1e400}}}}}],
		"temperature":0.10,"new_thing":{"deep":[1.00,"\u0001"]}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"text":"tab\t nul\u0000 bell\u0007 lone\ud800 pair\ud83d\ude00 del\u007f tag\udb40\udc01"`,
		`"input":{"n":12345678901234567890.50,"s":"\u0007"}`,
		`"properties":{"k\u0001\"":{"const":1e400}}`,
		`"temperature":0.10`,
		`"new_thing":{"deep":[1.00,"\u0001"]}`,
	} {
		if !strings.Contains(string(s.Body), want) {
			t.Errorf("the body lacks %s:\n%s", want, s.Body)
		}
	}
}
