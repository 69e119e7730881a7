package wire

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

const testMark = `"cache_control":{"type":"ephemeral"}`

// TestCacheMarks has requests whose members come in any order, and what in them takes a mark.
func TestCacheMarks(t *testing.T) {
	for name, c := range map[string]struct {
		body, want string
		session    string
		features   llm.Features
	}{
		"system and messages": {session: "s",
			body: `{"system":"be brief","messages":[{"role":"user","content":"hi"}]}`,
			want: `{"system":[{"type":"text","text":"be brief",MARK}],"messages":[{"role":"user","content":[{"type":"text","text":"hi",MARK}]}]}`},
		"a single question": {
			body: `{"messages":[{"role":"user","content":"hi"}],"system":[{"type":"text","text":"a"},{"text":"b","type":"text"}]}`,
			want: `{"messages":[{"role":"user","content":"hi"}],"system":[{"type":"text","text":"a"},{"text":"b","type":"text",MARK}]}`},
		"an agent": {features: llm.Tools,
			body: `{"tools":[{"name":"a"},{"name":"b","input_schema":{}},{"name":"later","defer_loading":true}],"messages":[{"role":"user","content":"do"},
				{"role":"assistant","content":[{"type":"tool_use","id":"1"}]},{"content":[{"type":"tool_result","tool_use_id":"1"}],"role":"user"}]}`,
			want: `{"tools":[{"name":"a"},{"name":"b","input_schema":{},MARK},{"name":"later","defer_loading":true}],"messages":[{"role":"user","content":[{"type":"text","text":"do",MARK}]},
				{"role":"assistant","content":[{"type":"tool_use","id":"1"}]},{"content":[{"type":"tool_result","tool_use_id":"1",MARK}],"role":"user"}]}`},
		"the last two of three turns": {
			body: `{"messages":[{"role":"user","content":"1"},{"role":"assistant","content":"a"},{"role":"user","content":"2"},{"role":"assistant","content":"b"},{"role":"user","content":"3"}]}`,
			want: `{"messages":[{"role":"user","content":"1"},{"role":"assistant","content":"a"},{"role":"user","content":[{"type":"text","text":"2",MARK}]},{"role":"assistant","content":"b"},{"role":"user","content":[{"type":"text","text":"3",MARK}]}]}`},
		"what takes no mark": {session: "s",
			body: `{"system":"","tools":[],"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"thinking","thinking":"x"},{"type":"text","text":""},{}]},{"role":"user","content":null}]}`,
			want: `{"system":"","tools":[],"messages":[{"role":"user","content":[{"type":"text","text":"a",MARK},{"type":"thinking","thinking":"x"},{"type":"text","text":""},{}]},{"role":"user","content":null}]}`},
		"marked by the caller": {session: "s",
			body: `{"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}],"messages":[{"role":"user","content":"hi"}]}`,
			want: `{"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}],"messages":[{"role":"user","content":"hi"}]}`},
		"odd forms": {session: "s",
			body: `{"system":5,"tools":{"a":[]},"messages":["x",{"role":"user"},[1]]}`,
			want: `{"system":5,"tools":{"a":[]},"messages":["x",{"role":"user"},[1]]}`},
		"no JSON": {session: "s", body: `{"system":"a","messages":[}`, want: `{"system":"a","messages":[}`},
	} {
		want := strings.ReplaceAll(c.want, "MARK", testMark)
		req := &llm.Request{Session: c.session, Facts: llm.Facts{EstInputTokens: leastCached, Features: c.features}}
		x := &llm.Exchange{Request: req, Sent: req, Route: &llm.Route{PromptCache: true}}
		if diff := cmp.Diff(want, string(markPrompt(x, []byte(c.body)))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		if n := strings.Count(c.want, "MARK"); x.CacheMarks != n {
			t.Errorf("%s: %d marks are counted, want %d", name, x.CacheMarks, n)
		}
	}
}

// TestPromptsWithoutMarks has the requests that are left as they came.
func TestPromptsWithoutMarks(t *testing.T) {
	body := []byte(`{"system":"be brief","messages":[{"role":"user","content":"hi"}]}`)
	for name, x := range map[string]*llm.Exchange{
		"off":   {Route: &llm.Route{}, Sent: &llm.Request{Facts: llm.Facts{EstInputTokens: 1 << 20}}},
		"short": {Route: &llm.Route{PromptCache: true}, Sent: &llm.Request{Facts: llm.Facts{EstInputTokens: leastCached - 1}}},
		"free":  {Route: &llm.Route{PromptCache: true}, Sent: &llm.Request{Facts: llm.Facts{EstInputTokens: 1 << 20, Free: true}}},
	} {
		x.Request, x.CacheMarks = x.Sent, 3 // of the try before
		if got := markPrompt(x, body); string(got) != string(body) || x.CacheMarks != 0 {
			t.Errorf("%s: %s with %d marks", name, got, x.CacheMarks)
		}
	}
}

// FuzzCacheMarks checks that JSON stays JSON, that there are at most four marks, and that
// without them nothing else has changed but texts that became blocks.
func FuzzCacheMarks(f *testing.F) {
	f.Add([]byte(`{"system":"a","tools":[{"name":"t"}],"messages":[{"role":"user","content":"x"},{"role":"user","content":[{"type":"text","text":"y"}]}]}`))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{}, {"type":"redacted_thinking"}]}],"messages":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		req := &llm.Request{Session: "s", Facts: llm.Facts{EstInputTokens: leastCached}}
		x := &llm.Exchange{Request: req, Sent: req, Route: &llm.Route{PromptCache: true}}
		got := markPrompt(x, body)
		if json.Valid(body) && !json.Valid(got) {
			t.Errorf("%q became %q", body, got)
		}
		if x.CacheMarks > 4 || x.CacheMarks == 0 && string(got) != string(body) || x.CacheMarks != strings.Count(string(got), testMark)-strings.Count(string(body), testMark) {
			t.Errorf("%d marks in %q", x.CacheMarks, got)
		}
	})
}
