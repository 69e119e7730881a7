package intake_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// spans are left out of the comparison and checked by checkSpans.
var spans = cmpopts.IgnoreFields(llm.Facts{}, "Beginning", "ToolsAt", "ModelAt", "End", "StreamAt", "StreamOptionsAt", "MaxTokensAt", "CacheAt", "EstInputTokens",
	"TextBytes", "MediaTokens", "Images", "MediaAt", "Unbounded", "Repriced", "Tier", "CacheWrites")

// agree fails unless an accepted body means the same to encoding/json.
func agree(t *testing.T, in []byte, got llm.Facts) {
	t.Helper()
	if !json.Valid(in) || !utf8.Valid(in) {
		t.Fatalf("accepted invalid JSON: %q", in)
	}
	d := json.NewDecoder(bytes.NewReader(in))
	d.UseNumber()
	var tree map[string]any
	if err := d.Decode(&tree); err != nil {
		t.Fatalf("accepted what encoding/json refuses: %v", err)
	}
	if diff := cmp.Diff(naiveFacts(tree), got, spans); diff != "" {
		t.Fatalf("facts of %s (-naive +Scan):\n%s", in, diff)
	}
	checkSpans(t, in, tree, got)
}

// naiveFacts reads the facts from a decoded tree, the slow and obvious way.
func naiveFacts(tree map[string]any) llm.Facts {
	f := llm.Facts{Choices: 1}
	f.Model, _ = tree["model"].(string)
	f.Stream, _ = tree["stream"].(bool)
	f.User, _ = tree["user"].(string)
	if key, _ := tree["prompt_cache_key"].(string); len(key) <= 512 {
		f.PromptCacheKey = key
	}
	if o, ok := tree["stream_options"].(map[string]any); ok {
		f.IncludeUsage, _ = o["include_usage"].(bool)
	}
	for _, name := range []string{"max_tokens", "max_completion_tokens"} {
		if n, ok := tree[name].(json.Number); ok {
			f.MaxTokens, _ = n.Int64()
		}
	}
	if n, ok := tree["n"].(json.Number); ok {
		i, _ := n.Int64()
		f.Choices = int(i)
	}
	if o, ok := tree["metadata"].(map[string]any); ok {
		for k, v := range o {
			if s, ok := v.(string); ok {
				if f.Metadata == nil {
					f.Metadata = map[string]string{}
				}
				f.Metadata[k] = s
			}
		}
	}
	f.Features = naiveFeatures(tree)
	naiveMessages(tree["messages"].([]any), &f)
	return f
}

func naiveFeatures(tree map[string]any) (f llm.Features) {
	set := func(bit llm.Features, when bool) {
		if when {
			f |= bit
		}
	}
	tools, _ := tree["tools"].([]any)
	functions, _ := tree["functions"].([]any)
	set(llm.Tools, len(tools)+len(functions) > 0)
	if o, ok := tree["response_format"].(map[string]any); ok {
		set(llm.JSONObject, o["type"] == "json_object")
		set(llm.JSONSchema, o["type"] == "json_schema")
	}
	effort, ok := tree["reasoning_effort"].(string)
	set(llm.Reasoning, ok && effort != "none")
	top, _ := tree["top_logprobs"].(json.Number)
	n, _ := tree["logprobs"].(json.Number)
	digit := func(n json.Number) bool { return n != "" && n[0] >= '1' && n[0] <= '9' }
	set(llm.Logprobs, tree["logprobs"] == true || tree["top_logprobs"] == true || digit(top) || digit(n))
	modalities, _ := tree["modalities"].([]any)
	for _, m := range modalities {
		set(llm.AudioOut, m == "audio")
	}
	_, search := tree["web_search_options"].(map[string]any)
	list, _ := tree["tools"].([]any)
	for _, tool := range list {
		tool, _ := tool.(map[string]any)
		kind, _ := tool["type"].(string)
		search = search || strings.Contains(kind, "web_search")
	}
	set(llm.WebSearch, search)
	return f
}

func naiveMessages(messages []any, f *llm.Facts) {
	f.Messages = len(messages)
	for i, m := range messages {
		m := m.(map[string]any)
		size := 0
		switch c := m["content"].(type) {
		case string:
			size = len(c)
		case []any:
			for _, p := range c {
				p := p.(map[string]any)
				text, _ := p["text"].(string)
				size += len(text)
				for bit, name := range map[llm.Features]string{llm.Vision: "image_url", llm.AudioIn: "input_audio", llm.FileIn: "file"} {
					if p["type"] == name || p[name] != nil {
						f.Features |= bit
					}
				}
			}
		}
		if m["role"] == "user" {
			f.LastUserChars = size
		}
		if i == len(messages)-1 && m["role"] == "assistant" && !nested(m["tool_calls"]) && !nested(m["function_call"]) {
			f.Features |= llm.Prefill
		}
	}
}

func nested(v any) bool {
	switch v.(type) {
	case []any, map[string]any:
		return true
	}
	return false
}

// checkSpans cuts every span out and expects the member's own value in it.
func checkSpans(t *testing.T, in []byte, tree map[string]any, f llm.Facts) {
	t.Helper()
	if f.End <= 0 || in[f.End] != '}' || len(bytes.TrimSpace(in[f.End+1:])) != 0 {
		t.Fatalf("End = %d in %s", f.End, in)
	}
	limit := "max_tokens"
	if tree[limit] == nil && tree["max_completion_tokens"] != nil {
		limit = "max_completion_tokens"
	}
	for name, at := range map[string]llm.Span{"model": f.ModelAt, "stream": f.StreamAt, "stream_options": f.StreamOptionsAt, limit: f.MaxTokensAt} {
		want, present := tree[name]
		if at.IsZero() {
			if present {
				t.Fatalf("no span for %s in %s", name, in)
			}
			continue
		}
		d := json.NewDecoder(bytes.NewReader(in[at.Start:at.End]))
		d.UseNumber()
		var got any
		if err := d.Decode(&got); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("span of %s holds %s: %v, want %v", name, in[at.Start:at.End], err, want)
		}
	}
	if _, present := tree["cache"]; present {
		out := append(append([]byte{}, in[:f.CacheAt.Start]...), in[f.CacheAt.End:]...)
		var rest map[string]any
		if err := json.Unmarshal(out, &rest); err != nil || len(rest) != len(tree)-1 {
			t.Fatalf("cutting cache from %s leaves %s: %v", in, out, err)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, in := range []string{
		`{"model":"m","messages":[{"role":"user","content":"hi"}]}`,
		`{"cache":{"ttl":1.5},"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"\ud83d\ude00"},{"type":"file","file":null}]}],"metadata":{"a":"b","c":1}}`,
		`{"model":"\u006d","stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":5,"n":3,"messages":[{"role":"assistant","content":"x","tool_calls":[]}],"tools":[{}],"modalities":["text","audio"],"logprobs":true,"web_search_options":{},"reasoning_effort":"none","response_format":{"type":"json_object"},"user":"u"}`,
		`{"model":"m","Model":"x","messages":[]}`,
		`{"x":"\u017f\u212a\\\"","y":-0.1e+5,"z":[null,true,false,{}]}`,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		facts, _, err := intake.Scan(in, intake.Options{})
		if err == nil {
			agree(t, in, facts)
		}
	})
}

// FuzzScanText puts arbitrary bytes into a string of an otherwise good body, where
// fuzzing the whole rarely gets.
func FuzzScanText(f *testing.F) {
	f.Add([]byte(`plain \u00e9 \ud83d\ude00 é 日本 \n`))
	f.Add([]byte(`",  "stream": true, "x": "`))
	f.Fuzz(func(t *testing.T, text []byte) {
		in := append([]byte(`{"model":"m","messages":[{"role":"user","content":"`), text...)
		in = append(in, `"}],"metadata":{"k":"`...)
		in = append(append(in, text...), `"}}`...)
		facts, _, err := intake.Scan(in, intake.Options{})
		if err == nil {
			agree(t, in, facts)
		}
	})
}
