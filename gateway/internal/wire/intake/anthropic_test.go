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

func TestScanMessagesFacts(t *testing.T) {
	in := `{"model":"claude","max_tokens":64,"stream":true,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],` +
		`"messages":[{"role":"user","content":[{"type":"text","text":"a\n\u00e9"},` +
		`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}],` +
		`"tools":[{"name":"f","input_schema":{}}],"thinking":{"type":"enabled","budget_tokens":1024},` +
		`"metadata":{"user_id":"u-1"},"output_config":{"format":{"type":"json_schema","schema":{}}},"new_field":{"a":1}}`
	got, cache, err := intake.ScanMessages([]byte(in), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if cache != (llm.CacheControl{}) {
		t.Errorf("cache = %+v, want none", cache)
	}
	spans := []string{in[got.ModelAt.Start:got.ModelAt.End], in[got.StreamAt.Start:got.StreamAt.End], in[got.MaxTokensAt.Start:got.MaxTokensAt.End],
		in[got.MediaAt[0].Start:got.MediaAt[0].End], in[got.ToolsAt.Start:got.ToolsAt.End], in[got.End:]}
	if d := cmp.Diff([]string{`"claude"`, "true", "64", `"AAAA"`, `[{"name":"f","input_schema":{}}]`, "}"}, spans); d != "" {
		t.Errorf("spans (-want +got):\n%s", d)
	}
	want := llm.Facts{Model: "claude", Stream: true, MaxTokens: 64, Choices: 1, User: "u-1", Messages: 1, LastUserChars: 4, Images: 1,
		Features: llm.Tools | llm.Vision | llm.JSONSchema | llm.Reasoning, TextBytes: int64(len(in) - 6), CacheWrites: true,
		End: got.End, ModelAt: got.ModelAt, StreamAt: got.StreamAt, MaxTokensAt: got.MaxTokensAt, MediaAt: got.MediaAt, EstInputTokens: got.EstInputTokens,
		Beginning: got.Beginning, ToolsAt: got.ToolsAt}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("facts (-want +got):\n%s", d)
	}
	if got.EstInputTokens < 2000 || got.EstInputTokens > 2150 {
		t.Errorf("EstInputTokens = %d, want an image and some text", got.EstInputTokens)
	}
}

// TestScanMessagesUnbounded has requests whose prompt holds more than the body says.
func TestScanMessagesUnbounded(t *testing.T) {
	for content, want := range map[string]string{
		`{"type":"text","text":"x"}`:                                       "",
		`{"type":"image","source":{"type":"base64","data":"AA=="}}`:        "",
		`{"source":{"url":"https://x/y.png","type":"url"},"type":"image"}`: "a remote image",
		`{"type":"image","source":{"type":"file","file_id":"f"}}`:          "a remote image",
		`{"type":"image"}`: "a remote image",
		`{"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"}}`:                                "",
		`{"type":"document","source":{"type":"content","content":[{"type":"text","text":"words"}]}}`:                           "",
		`{"type":"document","source":{"type":"base64","data":"AA=="}}`:                                                         "",
		`{"type":"document","source":{"type":"url","url":"https://x/y.pdf"}}`:                                                  "a remote file",
		`{"type":"document","source":{"type":"file","file_id":"f"}}`:                                                           "a file id",
		`{"type":"container_upload","file_id":"f"}`:                                                                            "a file id",
		`{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"url","url":"u"}}]}`:              "a remote image",
		`{"type":"tool_result","tool_use_id":"t","content":"done"}`:                                                            "",
		`{"type":"server_tool_use","id":"s","name":"web_search","input":{}}`:                                                   "",
		`{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","encrypted_content":"x"}]}`: "",
		`{"type":"hologram","data":"x"}`:                                                                                       "a content block of a type that this gateway does not know",
	} {
		facts, _, err := intake.ScanMessages([]byte(`{"model":"m","messages":[{"role":"user","content":[`+content+`]}]}`), intake.Options{})
		if err != nil || facts.Unbounded != want {
			t.Errorf("%s: Unbounded = %q, %v, want %q", content, facts.Unbounded, err, want)
		}
	}
	for member, want := range map[string]string{
		`"mcp_servers":[{}]`: "what mcp_servers brings in", `"container":"c"`: "what container brings in",
		`"tools":[{"type":"web_search_20250305","name":"web_search"}]`: "a tool that the provider runs",
		`"tools":[{"type":"bash_20250124","name":"bash"}]`:             "", `"tools":[{"type":"custom","name":"f"}]`: "",
	} {
		facts, _, err := intake.ScanMessages([]byte(`{"model":"m","messages":[{"role":"user","content":"x"}],`+member+`}`), intake.Options{})
		if err != nil || facts.Unbounded != want {
			t.Errorf("%s: Unbounded = %q, %v, want %q", member, facts.Unbounded, err, want)
		}
	}
}

func TestScanMessagesFeatures(t *testing.T) {
	ask := func(more string) string {
		return `{"model":"m","messages":[{"role":"user","content":"x"}` + more + `}`
	}
	for in, want := range map[string]llm.Features{
		ask(`]`): 0,
		ask(`,{"role":"assistant","content":"{"}]`):                                                  llm.Prefill,
		ask(`,{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]}]`): 0,
		ask(`],"thinking":{"type":"adaptive"}`):                                                      llm.Reasoning,
		ask(`],"thinking":{"type":"disabled"}`):                                                      0,
		ask(`],"tools":[{"type":"web_search_20250305","name":"web_search"}]`):                        llm.Tools | llm.WebSearch,
		ask(`],"output_format":{"type":"json_schema"}`):                                              llm.JSONSchema,
	} {
		facts, _, err := intake.ScanMessages([]byte(in), intake.Options{})
		if err != nil || facts.Features != want {
			t.Errorf("%s: features %s, %v, want %s", in, facts.Features, err, want)
		}
	}
	for member, want := range map[string]string{`"speed":"fast"`: "speed", `"speed":"standard"`: "", `"inference_geo":"us"`: "inference_geo",
		`"service_tier":"auto"`: "", `"service_tier":"priority"`: "service_tier"} {
		facts, _, err := intake.ScanMessages([]byte(ask(`],`+member)), intake.Options{})
		if err != nil || facts.Repriced != want {
			t.Errorf("%s: Repriced = %q, %v, want %q", member, facts.Repriced, err, want)
		}
	}
}

func TestScanMessagesRefuses(t *testing.T) {
	for in, want := range map[string]string{
		`{"messages":[{"role":"user","content":"x"}]}`: `"model" is missing`,
		`{"model":"m"}`:               `"messages" is missing`,
		`{"model":"m","messages":[]}`: "messages is empty",
		`{"model":"m","messages":[{"role":"user","content":1}]}`:                                                             "messages[0].content must be a string or an array of content blocks",
		`{"model":"m","messages":[{"content":"x"}]}`:                                                                         "messages[0] has no role",
		`{"model":"m","messages":[{"role":"user","content":["x"]}]}`:                                                         "messages[0].content[0] must be a content block",
		`{"model":"m","model":"n","messages":[{"role":"user","content":"x"}]}`:                                               "given twice",
		`{"Model":"m","model":"n","messages":[{"role":"user","content":"x"}]}`:                                               "differs from",
		`{"model":"m","messages":[{"role":"user","content":"x"}],"api_key":"k"}`:                                             "may not choose an upstream",
		`{"model":"m","max_tokens":"9","messages":[{"role":"user","content":"x"}]}`:                                          "max_tokens must be a whole number",
		`{"model":"m","system":7,"messages":[{"role":"user","content":"x"}]}`:                                                "system must be",
		`{"model":"m","messages":[{"role":"user","content":"x"}]} {}`:                                                        "expected the end of the text",
		`{"model":"m","metadata":{"user_id":"` + strings.Repeat("x", 600) + `"},"messages":[{"role":"user","content":"x"}]}`: "metadata.user_id has 600 bytes",
	} {
		_, _, err := intake.ScanMessages([]byte(in), intake.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ScanMessages(%.80s) = %v, want %q in it", in, err, want)
		}
	}
}

// TestScanMessagesRecordings reads every recorded request of the Messages API.
func TestScanMessagesRecordings(t *testing.T) {
	n := 0
	for r := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return r.Provider == "anthropic" && r.Endpoint == "messages" }) {
		n++
		facts, _, err := intake.ScanMessages([]byte(r.RequestBody), intake.Options{})
		var sent struct {
			Model     string
			MaxTokens int64 `json:"max_tokens"`
			Messages  []any
			Stream    bool
		}
		if jsonErr := json.Unmarshal([]byte(r.RequestBody), &sent); err != nil || jsonErr != nil {
			t.Errorf("%s: %v, %v\n%s", r.Path, err, jsonErr, r.RequestBody)
			continue
		}
		if facts.Model != sent.Model || facts.MaxTokens != sent.MaxTokens || facts.Messages != len(sent.Messages) || facts.Stream != sent.Stream {
			t.Errorf("%s: facts %+v, want those of %+v", r.Path, facts, sent)
		}
		if strings.HasPrefix(facts.Unbounded, "a content block") {
			t.Errorf("%s: a block is not known", r.Path)
		}
	}
	t.Logf("%d recorded requests", n)
}

// FuzzScanMessages compares what is accepted with encoding/json, and the facts with
// those of the body after a round trip.
func FuzzScanMessages(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","max_tokens":5,"system":"s","messages":[{"role":"user","content":"x"}]}`,
		`{"model":"m","messages":[{"role":"user","content":[{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"data":"A"}}]}}]}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		facts, _, err := intake.ScanMessages(body, intake.Options{})
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
