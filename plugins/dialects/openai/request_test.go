package openai_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

var (
	host      = dialecttest.Host{Dialect: "openai", Model: "gpt-test"}
	anthropic = dialecttest.Host{Dialect: "anthropic"}
)

type object = map[string]any

// TestAnthropicRequestsObeyOpenAI sends every recorded request of an Anthropic client to
// OpenAI, which must find nothing in it that it does not know.
func TestAnthropicRequestsObeyOpenAI(t *testing.T) {
	all, right := 0, 0
	for _, r := range dialecttest.Recordings(t, "anthropic", "messages") {
		all++
		t.Run(filepath.Base(r.Path), func(t *testing.T) {
			canonical, err := anthropic.Accept(t, nil, r.Request)
			if err != nil {
				t.Fatal(err)
			}
			sent, err := host.Request(t, dialecttest.Target{Model: "gpt-test", MaxOutput: 4096}, r.Stream, string(canonical))
			if err != nil {
				// Only what chat completions have no place for may be refused.
				if !strings.Contains(err.Error(), "take no file by its address") && !strings.Contains(err.Error(), "another provider keeps") {
					t.Error(err)
				}
				t.Log(err)
				right++
				return
			}
			dialecttest.CheckMembers(t, sent.Body)
			obeys(t, sent.Body)
			if !t.Failed() {
				right++
			}
		})
	}
	t.Logf("%d of %d requests obey OpenAI's rules", right, all)
}

// The members that OpenAI knows, of requests, messages by role, parts by type and tools.
var known = map[string][]string{
	"request": {"model", "stream", "messages", "tools", "tool_choice", "parallel_tool_calls", "reasoning_effort", "max_tokens", "temperature",
		"top_p", "stop", "user", "response_format"},
	"system":    {"role", "content"},
	"user":      {"role", "content"},
	"assistant": {"role", "content", "tool_calls"},
	"tool":      {"role", "content", "tool_call_id"},
	"call":      {"id", "type", "function"},
	"function":  {"name", "arguments"},
	"text":      {"type", "text"},
	"image_url": {"type", "image_url"},
	"file":      {"type", "file"},
	"declared":  {"type", "function"},
	"signature": {"name", "description", "parameters", "strict"},
}

func knows(t *testing.T, what string, o object) {
	t.Helper()
	for name := range o {
		if !slices.Contains(known[what], name) {
			t.Errorf("OpenAI knows no %s in %s", name, what)
		}
	}
}

// obeys checks a request against OpenAI's rules.
func obeys(t *testing.T, body []byte) {
	t.Helper()
	var r object
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	knows(t, "request", r)
	if n, ok := r["max_tokens"].(float64); ok && n > 4096 {
		t.Errorf("max_tokens is %v", n)
	}
	tools, _ := r["tools"].([]any)
	for _, tool := range tools {
		knows(t, "declared", tool.(object))
		knows(t, "signature", tool.(object)["function"].(object))
	}
	if r["tools"] == nil && (r["tool_choice"] != nil || r["parallel_tool_calls"] != nil) {
		t.Error("a choice without tools")
	}
	open := map[string]bool{} // the calls that wait for results
	for _, m := range r["messages"].([]any) {
		m := m.(object)
		role := m["role"].(string)
		knows(t, role, m)
		if role == "tool" {
			if !open[m["tool_call_id"].(string)] {
				t.Errorf("a result of no call: %v", m)
			}
			delete(open, m["tool_call_id"].(string))
		} else if len(open) > 0 {
			t.Errorf("%d calls have no results", len(open))
		}
		calls, _ := m["tool_calls"].([]any)
		for _, call := range calls {
			call := call.(object)
			knows(t, "call", call)
			knows(t, "function", call["function"].(object))
			id := call["id"].(string)
			if open[id] || len(id) > 40 {
				t.Errorf("the id %q", id)
			}
			open[id] = true
		}
		parts, isList := m["content"].([]any)
		if isList && role != "user" {
			t.Errorf("the content of %s is a list", role)
		}
		if !isList && m["content"] == nil && len(calls) == 0 {
			t.Errorf("a message of %s without content", role)
		}
		for _, part := range parts {
			knows(t, part.(object)["type"].(string), part.(object))
		}
	}
}

// requests are canonical requests, for the model in the first member, and what OpenAI gets.
var requests = map[string]struct{ model, canonical, want, dropped string }{
	"extensions of messages": {"gpt-4o", `{"messages":[{"role":"system","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"text","text":"b"}]},
		{"role":"assistant","thinking_blocks":[{"type":"thinking","thinking":"x","signature":"y"}],"reasoning_content":"z","content":[{"type":"text","text":"c","citations":[]}],
		"tool_calls":[{"id":"functions.f:0","type":"function","function":{"name":"f","arguments":"{}"},"caller":{},"cache_control":{}}]},
		{"role":"tool","tool_call_id":"functions.f:0","content":"d","is_error":true,"cache_control":{}},
		{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"},"cache_control":{}},{"type":"text","text":"e","cache_control":{}}]}]}`,
		`{"model":"gpt-4o","messages":[{"role":"system","content":"a\n\nb"},{"role":"assistant","content":"c","tool_calls":[{"id":"functions_f_0","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
			`{"role":"tool","tool_call_id":"functions_f_0","content":"d"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}},{"type":"text","text":"e"}]}]}`, ""},
	"images that tools return": {"gpt-4o", `{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"2","type":"function","function":{"name":"f","arguments":"{}"}}]},
		{"role":"tool","tool_call_id":"1","content":[{"type":"image_url","image_url":{"url":"https://1"}}]},{"role":"tool","tool_call_id":"2","content":[{"type":"text","text":"t"},{"type":"image_url","image_url":{"url":"https://2"}}]},{"role":"user","content":"go on"}]}`,
		`{"model":"gpt-4o","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"2","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
			`{"role":"tool","tool_call_id":"1","content":"(The image follows.)"},{"role":"tool","tool_call_id":"2","content":"t"},` +
			`{"role":"user","content":[{"type":"text","text":"(What the tools returned.)"},{"type":"image_url","image_url":{"url":"https://1"}},{"type":"image_url","image_url":{"url":"https://2"}}]},{"role":"user","content":"go on"}]}`, ""},
	"what only Anthropic has": {"gpt-4o", `{"messages":[{"role":"user","content":[{"type":"search_result","source":"https://s","title":"S","content":[{"type":"text","text":"found"}]},{"type":"container_upload","file_id":"f"},
		{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,aGk="}},{"type":"document","source":{"type":"content","content":[{"type":"text","text":"block"}]}}]},
		{"role":"assistant","content":[{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}},{"type":"text","text":"said"}]}],
		"tools":[{"type":"web_search_20250305","name":"web_search"}],"tool_choice":"auto","parallel_tool_calls":false,"top_k":3,"thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"anthropic_beta":["b"],"context_management":{"edits":[]},"cache_control":{"type":"ephemeral"}}`,
		`{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"text","text":"S\nhttps://s\nfound"},{"type":"text","text":"a.txt:\nhi"},{"type":"text","text":"block"}]},{"role":"assistant","content":"said"}]}`,
		"messages[0].content[1] messages[1].content[0] tools[0] top_k context_management"},
	"thinking": {"gpt-5", `{"messages":[{"role":"user","content":"hi"}],"thinking":{"type":"enabled","budget_tokens":4000},"temperature":1,"stop":["x"],"top_p":0.5}`,
		`{"model":"gpt-5","messages":[{"role":"user","content":"hi"}],"reasoning_effort":"medium"}`, "stop top_p"},
	"more than high": {"gpt-5", `{"messages":[{"role":"user","content":"hi"}],"thinking":{"type":"adaptive"},"reasoning_effort":"max"}`,
		`{"model":"gpt-5","messages":[{"role":"user","content":"hi"}],"reasoning_effort":"high"}`, "reasoning_effort"},
	"more than high where there is more": {"gpt-5.2", `{"messages":[{"role":"user","content":"hi"}],"reasoning_effort":"xhigh"}`,
		`{"model":"gpt-5.2","messages":[{"role":"user","content":"hi"}],"reasoning_effort":"xhigh"}`, ""},
	"no thinking": {"gpt-5", `{"messages":[{"role":"user","content":"hi"}],"thinking":{"type":"disabled"}}`, `{"model":"gpt-5","messages":[{"role":"user","content":"hi"}]}`, ""},
	"thoughts that a model wants back": {"deepseek-chat", `{"messages":[{"role":"assistant","reasoning_content":"hm","content":"a"},{"role":"user","content":"hi"}]}`,
		`{"model":"deepseek-chat","messages":[{"role":"assistant","reasoning_content":"hm","content":"a"},{"role":"user","content":"hi"}]}`, ""},
	"bounds": {"gpt-4o", `{"max_tokens":64000,"stop":["1","2","3","4","5"],"user":"` + strings.Repeat("é", 40) + `","service_tier":"auto","messages":[{"role":"user","content":"hi"}]}`,
		`{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"max_tokens":4096,"stop":["1","2","3","4"],"user":"` + strings.Repeat("é", 32) + `"}`, "stop"},
	"a schema that can be strict": {"gpt-4o", `{"messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"r","schema":{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"}}},"required":["a"],"additionalProperties":false}}}}`,
		`{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"r","schema":{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"}}},"required":["a"],"additionalProperties":false},"strict":true}}}`, ""},
	"a schema that can't": {"gpt-4o", `{"messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"r","schema":{"type":"object","properties":{"a":{},"b":{}},"required":["a"],"additionalProperties":false}}}}`,
		`{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"r","schema":{"type":"object","properties":{"a":{},"b":{}},"required":["a"],"additionalProperties":false}}}}`, ""},
	"tools": {"gpt-4o", `{"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"},"strict":true},"cache_control":{},"defer_loading":true},{"type":"bash_20250124","name":"bash"}],"tool_choice":{"type":"function","function":{"name":"bash"}},"parallel_tool_calls":false}`,
		`{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"parallel_tool_calls":false}`, "tools[1] tool_choice"},
	"a web search": {"gpt-4o", `{"messages":[{"role":"user","content":"hi"}],"web_search_options":{}}`, `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`, "web_search_options"},
	"a web search where there is one": {"gpt-4o-search-preview", `{"messages":[{"role":"user","content":"hi"}],"web_search_options":{}}`,
		`{"model":"gpt-4o-search-preview","messages":[{"role":"user","content":"hi"}],"web_search_options":{}}`, ""},
}

func TestRequest(t *testing.T) {
	for name, tt := range requests {
		t.Run(name, func(t *testing.T) {
			sent, err := host.Request(t, dialecttest.Target{Model: tt.model, MaxOutput: 4096, Features: []string{"tools", "reasoning"}}, false, tt.canonical)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(parsed(t, tt.want), parsed(t, string(sent.Body))); diff != "" {
				t.Errorf("request (-want +got):\n%s\n%s", diff, sent.Body)
			}
			slices.Sort(sent.Dropped)
			want := strings.Fields(tt.dropped)
			slices.Sort(want)
			if diff := cmp.Diff(want, sent.Dropped); diff != "" && len(want)+len(sent.Dropped) > 0 {
				t.Errorf("dropped (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDetailsForOpenRouter: Claude's thinking goes back to it through OpenRouter, and to nobody
// else.
func TestDetailsForOpenRouter(t *testing.T) {
	const details = `[{"type":"reasoning.text","text":"x","signature":"s","format":"anthropic-claude-v1","index":0}]`
	for _, tt := range []struct{ provider, model, thoughts, want string }{
		{"openrouter", "anthropic/claude-sonnet-4.5", `"thinking_blocks":[{"type":"thinking","thinking":"x","signature":"s"},{"type":"redacted_thinking","data":"d"},{"type":"thinking","thinking":"unsigned"}]`,
			`,"reasoning_details":[{"type":"reasoning.text","text":"x","signature":"s","format":"anthropic-claude-v1","index":0},{"type":"reasoning.encrypted","data":"d","format":"anthropic-claude-v1","index":1}]`},
		{"openrouter", "anthropic/claude-sonnet-4.5", `"reasoning_details":` + details, `,"reasoning_details":` + details},
		{"openrouter", "anthropic/claude-sonnet-4.5", `"reasoning_content":"x"`, ""},
		{"openrouter", "openai/gpt-5", `"thinking_blocks":[{"type":"thinking","thinking":"x","signature":"s"}]`, ""},
		{"openai", "gpt-5", `"reasoning_details":` + details, ""},
	} {
		sent, err := host.Request(t, dialecttest.Target{Provider: tt.provider, Model: tt.model}, false, `{"messages":[{"role":"assistant",`+tt.thoughts+`,"content":"a"}]}`)
		if want := `{"model":"` + tt.model + `","messages":[{"role":"assistant"` + tt.want + `,"content":"a"}]}`; err != nil || string(sent.Body) != want {
			t.Errorf("%s at %s: %s, %v; want %s", tt.thoughts, tt.provider, sent.Body, err, want)
		}
	}
}

func TestReasoningOfAModelThatDoesNot(t *testing.T) {
	sent, err := host.Request(t, dialecttest.Target{Model: "gpt-4o", Features: []string{"tools"}}, true, `{"messages":[{"role":"user","content":"hi"}],"thinking":{"type":"enabled","budget_tokens":4000}}`)
	if err != nil || strings.Contains(string(sent.Body), "reasoning_effort") || !slices.Equal(sent.Dropped, []string{"thinking"}) {
		t.Errorf("%s, dropped %v, %v", sent.Body, sent.Dropped, err)
	}
}

func TestRefusedRequests(t *testing.T) {
	for body, want := range map[string]string{
		`[]`: "not a JSON object",
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_url":"https://x/y.pdf"}}]}]}`:              "messages[0].content[0].file: ",
		`{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}]}`:            "messages[0].content[0]: ",
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:text/plain;base64,%%%%"}}]}]}`: "messages[0].content[0].file: ",
	} {
		if _, err := host.Request(t, dialecttest.Target{Model: "m"}, false, body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

func parsed(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// FuzzRequest wants JSON of whatever is JSON, and no panic.
func FuzzRequest(f *testing.F) {
	for _, tt := range requests {
		f.Add(tt.canonical)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if !json.Valid([]byte(body)) {
			t.Skip()
		}
		sent, err := host.Request(t, dialecttest.Target{Model: "gpt-5"}, true, body)
		if err == nil && !json.Valid(sent.Body) {
			t.Errorf("%s became %s", body, sent.Body)
		}
	})
}
