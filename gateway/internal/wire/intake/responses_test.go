package intake_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

func TestScanResponsesFacts(t *testing.T) {
	in := `{"model":"gpt","max_output_tokens":64,"stream":true,"instructions":"Be brief.","input":[{"role":"user","content":[{"type":"input_text","text":"a\n\u00e9"},` +
		`{"type":"input_image","image_url":"data:image/png;base64,AAAA"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},` +
		`{"type":"function_call_output","call_id":"c","output":"done"}],"tools":[{"type":"function","name":"f"}],"reasoning":{"effort":"low"},` +
		`"text":{"format":{"type":"json_schema","schema":{}}},"user":"u-1","prompt_cache_key":"k","metadata":{"usecase":"support"},"previous_response_id":null,"new":1}`
	got, _, err := intake.ScanResponses([]byte(in), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	spans := []string{in[got.ModelAt.Start:got.ModelAt.End], in[got.StreamAt.Start:got.StreamAt.End], in[got.MaxTokensAt.Start:got.MaxTokensAt.End],
		in[got.MediaAt[0].Start:got.MediaAt[0].End], in[got.ToolsAt.Start:got.ToolsAt.End], in[got.End:]}
	if d := cmp.Diff([]string{`"gpt"`, "true", "64", `"data:image/png;base64,AAAA"`, `[{"type":"function","name":"f"}]`, "}"}, spans); d != "" {
		t.Errorf("spans (-want +got):\n%s", d)
	}
	want := llm.Facts{Model: "gpt", Stream: true, MaxTokens: 64, Choices: 1, User: "u-1", PromptCacheKey: "k", Metadata: map[string]string{"usecase": "support"},
		Messages: 3, LastUserChars: 4, Images: 1, Features: llm.Tools | llm.Vision | llm.JSONSchema | llm.Reasoning, TextBytes: int64(len(in) - 28), CacheWrites: true,
		End: got.End, ModelAt: got.ModelAt, StreamAt: got.StreamAt, MaxTokensAt: got.MaxTokensAt, MediaAt: got.MediaAt, EstInputTokens: got.EstInputTokens,
		Beginning: got.Beginning, ToolsAt: got.ToolsAt}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("facts (-want +got):\n%s", d)
	}
}

// TestScanResponsesUnbounded has requests whose prompt holds more than the body says.
func TestScanResponsesUnbounded(t *testing.T) {
	for member, want := range map[string]string{
		`"input":"hi"`: "",
		`"input":"hi","previous_response_id":"r"`:                                                "what previous_response_id brings in",
		`"input":"hi","previous_response_id":null`:                                               "",
		`"input":[],"previous_response_id":"r"`:                                                  "what previous_response_id brings in",
		`"conversation":"c"`:                                                                     "what conversation brings in",
		`"input":"hi","conversation":"c"`:                                                        "what conversation brings in",
		`"input":"hi","tools":[{"type":"web_search"}]`:                                           "a tool that the provider runs",
		`"input":"hi","tools":[{"type":"local_shell"},{"type":"custom","name":"f"}]`:             "",
		`"input":[{"type":"item_reference","id":"i"}]`:                                           "an item that is kept by the provider",
		`"input":[{"type":"reasoning","id":"r","summary":[],"encrypted_content":"x"}]`:           "",
		`"input":[{"type":"hologram"}]`:                                                          "an item of a type that this gateway does not know",
		`"input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]`:              "a file id",
		`"input":[{"role":"user","content":[{"type":"input_file","file_url":"https://x/y"}]}]`:   "a remote file",
		`"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://x/y"}]}]`: "a remote image",
		`"input":[{"role":"user","content":[{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AA=="}]}]`:            "",
		`"input":[{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot","image_url":"data:image/png;base64,AA=="}}]`: "",
	} {
		facts, _, err := intake.ScanResponses([]byte(`{"model":"m",`+member+`}`), intake.Options{})
		if err != nil || facts.Unbounded != want {
			t.Errorf("%s: Unbounded = %q, %v, want %q", member, facts.Unbounded, err, want)
		}
	}
}

func TestScanResponsesRefuses(t *testing.T) {
	for in, want := range map[string]string{
		`{"input":"x"}`:               `"model" is missing`,
		`{"model":"m"}`:               `"input" is missing`,
		`{"model":"m","input":[]}`:    "input is empty",
		`{"model":"m","input":7}`:     "input must be",
		`{"model":"m","input":["x"]}`: "input[0] must be",
		`{"model":"m","input":[{"role":"user","content":["x"]}]}`: "input[0].content[0] must be",
		`{"model":"m","input":"x","input":"y"}`:                   "given twice",
		`{"model":"m","input":"x","Model":"y"}`:                   "differs from",
		`{"model":"m","input":"x","max_output_tokens":0}`:         "max_output_tokens must be",
		`{"model":"m","input":"x","base_url":"y"}`:                "may not choose an upstream",
	} {
		_, _, err := intake.ScanResponses([]byte(in), intake.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ScanResponses(%.80s) = %v, want %q in it", in, err, want)
		}
	}
}

// TestScanResponsesRecordings reads every recorded request of the Responses API.
func TestScanResponsesRecordings(t *testing.T) {
	n := 0
	for r := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return r.Endpoint == "responses" && r.RequestBody != "" }) {
		n++
		facts, _, err := intake.ScanResponses([]byte(r.RequestBody), intake.Options{})
		var sent struct {
			Model     string
			MaxTokens int64 `json:"max_output_tokens"`
			Stream    bool
		}
		if jsonErr := json.Unmarshal([]byte(r.RequestBody), &sent); err != nil || jsonErr != nil {
			t.Errorf("%s: %v, %v\n%.300s", r.Path, err, jsonErr, r.RequestBody)
			continue
		}
		if facts.Model != sent.Model || facts.MaxTokens != sent.MaxTokens || facts.Stream != sent.Stream {
			t.Errorf("%s: facts %+v, want those of %+v", r.Path, facts, sent)
		}
		if strings.Contains(facts.Unbounded, "does not know") {
			t.Errorf("%s: %s", r.Path, facts.Unbounded)
		}
	}
	t.Logf("%d recorded requests", n)
}

// FuzzScanResponses compares what is accepted with encoding/json.
func FuzzScanResponses(f *testing.F) {
	for _, s := range []string{`{"model":"m","input":"x"}`, `{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:,"}]},{"type":"computer_call_output","output":{}}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		facts, _, err := intake.ScanResponses(body, intake.Options{})
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q passed and is no JSON", body)
		}
		for _, at := range append([]llm.Span{facts.ModelAt, facts.MaxTokensAt}, facts.MediaAt...) {
			if !at.IsZero() && !json.Valid(body[at.Start:at.End]) {
				t.Errorf("the span %v of %q is no value: %q", at, body, body[at.Start:at.End])
			}
		}
		if facts.TextBytes < 0 || facts.EstInputTokens < 0 {
			t.Errorf("%q: negative sizes %+v", body, facts)
		}
	})
}
