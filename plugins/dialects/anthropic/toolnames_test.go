package anthropic_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
	penstock "github.com/penstock/penstock/sdk/go"
)

// tool is a tool's declaration by name alone.
func tool(name string) string {
	n, _ := json.Marshal(name)
	return `{"type":"function","function":{"name":` + string(n) + `,"parameters":{"type":"object","properties":{}}}}`
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }

// translateNames sends tools of these names and returns their names at Anthropic's, with the
// context for the reply.
func translateNames(t testing.TB, names ...string) ([]string, json.RawMessage) {
	t.Helper()
	var tools []string
	for _, name := range names {
		tools = append(tools, tool(name))
	}
	s, err := transform(t, "claude-sonnet-4-5", false, `{"messages":[{"role":"user","content":"x"}],"tools":[`+strings.Join(tools, ",")+`]}`)
	if err != nil {
		t.Fatal(err)
	}
	var provider []string
	for _, x := range checkRules(t, s.Body).Tools {
		provider = append(provider, x.Name)
	}
	return provider, s.Context
}

// back is a plain reply's and a stream's calls to tools of these names at Anthropic's.
func back(t *testing.T, context json.RawMessage, names []string) (plain, stream []string) {
	t.Helper()
	var blocks []string
	for i, name := range names {
		blocks = append(blocks, fmt.Sprintf(`{"type":"tool_use","id":"t%d","name":%q,"input":{}}`, i, name))
	}
	content := `"content":[` + strings.Join(blocks, ",") + `]`
	body := `{"type":"message",` + content + `,"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}`
	for _, c := range dialecttest.ReadCompletion(t, respondIn(t, context, body)).Calls {
		plain = append(plain, c.Name)
	}
	for _, c := range dialecttest.ReadStream(t, host.Play(t, context, []sseEvent{start(content), delta(`"tool_use"`), stopEvent})).Calls {
		stream = append(stream, c.Name)
	}
	return plain, stream
}

func TestToolNames(t *testing.T) {
	long := strings.Repeat("x", 128)
	for _, names := range [][]string{
		{"files.read"}, {"a/b", "a.b", "a b", "a_b"}, {"a_b", "a.b"}, {"a.b", "a_b"}, {"搜索", "天气"}, {long + "a", long + "b", long},
		{"mcp://server/tool?x=1"}, {"a\"b\\", "é"}, {"plain", "-_-", "A9"}, {"a.b", "a_b_2", "a_b"},
	} {
		provider, context := translateNames(t, names...)
		seen := map[string]bool{}
		for i, name := range provider {
			if seen[name] {
				t.Errorf("%q: %q stands for two", names, name)
			}
			seen[name] = true
			if nameRule.MatchString(names[i]) && name != names[i] {
				t.Errorf("%q became %q", names[i], name)
			}
		}
		plain, stream := back(t, context, provider)
		if diff := cmp.Diff(names, plain); diff != "" {
			t.Errorf("plain (-declared +called):\n%s", diff)
		}
		if diff := cmp.Diff(names, stream); diff != "" {
			t.Errorf("stream (-declared +called):\n%s", diff)
		}
	}
	if _, context := translateNames(t, "plain"); context != nil {
		t.Errorf("a name that fits has the context %s", context)
	}
}

func TestAnyToolNames(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.OneOf(rapid.StringMatching(`[ab./ _-]{1,4}`), rapid.StringN(1, 200, -1))
		names := rapid.SliceOfNDistinct(name, 1, 12, rapid.ID[string]).Draw(rt, "names")
		provider, context := translateNames(t, names...)
		plain, stream := back(t, context, provider)
		if cmp.Diff(names, plain) != "" || cmp.Diff(names, stream) != "" || t.Failed() {
			rt.Fatalf("%q became %q, and %q or %q", names, provider, plain, stream)
		}
	})
}

// TestToolNamesEverywhere: a name is the same in declaration, choice and history, also when
// only the history has it.
func TestToolNamesEverywhere(t *testing.T) {
	history := `[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"a.b","arguments":"{}"}},
		{"id":"2","type":"function","function":{"name":"old tool","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"r"},{"role":"tool","tool_call_id":"2","content":"r"}]`
	s, err := transform(t, "claude-sonnet-4-5", false, `{"messages":`+history+`,"tools":[`+tool("a.b")+`],"tool_choice":{"type":"function","function":{"name":"a.b"}}}`)
	if err != nil {
		t.Fatal(err)
	}
	r := checkRules(t, s.Body)
	got := []string{r.Tools[0].Name, r.ToolChoice.Name, r.Messages[1].Content[0].Name, r.Messages[1].Content[1].Name}
	if diff := cmp.Diff([]string{"a_b", "a_b", "a_b", "old_tool"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if s, err = transform(t, "claude-sonnet-4-5", false, `{"messages":`+history+`}`); err != nil {
		t.Fatal(err)
	}
	checkRules(t, s.Body)
}

func TestTooManyOddToolNames(t *testing.T) {
	var tools []string
	for i := range 2000 {
		tools = append(tools, tool(fmt.Sprintf("server.tool number %d", i)))
	}
	_, err := transform(t, "claude-sonnet-4-5", false, `{"messages":[{"role":"user","content":"x"}],"tools":[`+strings.Join(tools, ",")+`]}`)
	wantRejection(t, "2000 odd names", err, "tools: ")
	_, err = transform(t, "claude-sonnet-4-5", false, `{"messages":[{"role":"user","content":"x"}],"tools":[`+tool("")+`]}`)
	wantRejection(t, "a tool without a name", err, "tools[0].function.name: ")
}

// TestCallIDs sends calls and results whose ids Anthropic does not take, or that share one.
func TestCallIDs(t *testing.T) {
	exchange := func(ids ...string) string {
		var calls, results []string
		for i, id := range ids {
			calls = append(calls, `{"id":`+quoted(id)+`,"type":"function","function":{"name":"f","arguments":"{\"n\":`+fmt.Sprint(i)+`}"}}`)
			results = append(results, `{"role":"tool","tool_call_id":`+quoted(id)+`,"content":"`+fmt.Sprint(i)+`"}`)
		}
		return `{"role":"assistant","content":null,"tool_calls":[` + strings.Join(calls, ",") + `]},` + strings.Join(results, ",")
	}
	for name, tt := range map[string]struct {
		messages []string
		want     []string
	}{
		"good ones stay":               {[]string{exchange("toolu_1", "call-2")}, []string{"toolu_1", "call-2"}},
		"empty twice":                  {[]string{exchange("", "")}, []string{"call", "call_2"}},
		"equal once sanitized":         {[]string{exchange("a.b", "a:b", "a_b")}, []string{"a_b", "a_b_2", "a_b_3"}},
		"the same in one message":      {[]string{exchange("x", "x", "x")}, []string{"x", "x_2", "x_3"}},
		"the same in every message":    {[]string{exchange("functions.f:0"), exchange("functions.f:0"), exchange("functions.f:0", "functions.f:1")}, []string{"functions_f_0", "functions_f_0_2", "functions_f_0_3", "functions_f_1"}},
		"one that a sanitized one has": {[]string{exchange("", ""), exchange("call_2")}, []string{"call", "call_2", "call_2_2"}},
		"unicode":                      {[]string{exchange("é", "ü")}, []string{"_", "__2"}},
	} {
		s, err := transform(t, "claude-sonnet-4-5", false, `{"messages":[{"role":"user","content":"x"},`+strings.Join(tt.messages, ",")+`],"tools":[`+tool("f")+`]}`)
		if err != nil {
			t.Fatal(err)
		}
		r := checkRules(t, s.Body)
		var got []string
		for i, m := range r.Messages {
			for k, b := range m.Content {
				if b.Type != "tool_use" {
					continue
				}
				got = append(got, b.ID)
				if result := r.Messages[i+1].Content[k]; result.ToolUseID != b.ID || !strings.Contains(string(result.Content), fmt.Sprintf(`"text":"%d"`, k)) {
					t.Errorf("%s: call %s got the result %+v", name, b.ID, result)
				}
			}
		}
		if len(got) > 0 && cmp.Diff(tt.want, got) != "" {
			t.Errorf("%s: ids (-want +got):\n%s", name, cmp.Diff(tt.want, got))
		}
	}
	// Results in another order find their calls.
	s, err := transform(t, "claude-sonnet-4-5", false, `{"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[
		{"id":"a.b","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"a:b","type":"function","function":{"name":"g","arguments":"{}"}}]},
		{"role":"tool","tool_call_id":"a:b","content":"g"},{"role":"tool","tool_call_id":"a.b","content":"f"}]}`)
	if err != nil || !strings.Contains(string(s.Body), `"tool_use_id":"a_b_2","content":[{"type":"text","text":"g"}]`) {
		t.Errorf("results in another order: %s, %v", s.Body, err)
	}
}

// TestToolShapes takes tools in other shapes than chat completions have.
func TestToolShapes(t *testing.T) {
	for tool, want := range map[string]string{
		`{"name":"a.b","description":"d","input_schema":{"type":"object","properties":{}}}`:                                                                                        `{"name":"a_b","description":"d","input_schema":{"type":"object","properties":{}}}`,
		`{"type":"custom","name":"f","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}`:                                                                       `{"type":"custom","name":"f","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}`,
		`{"type":"function","name":"f","description":"d","parameters":{"type":"object","properties":{"a":{}}}}`:                                                                    `{"name":"f","description":"d","input_schema":{"type":"object","properties":{"a":{}}}}`,
		`{"type":"web_search_20250305","name":"web_search","max_uses":3}`:                                                                                                          `{"type":"web_search_20250305","name":"web_search","max_uses":3}`,
		`{"type":"function","defer_loading":true,"input_examples":[{"a":1}],"allowed_callers":["code_execution_20250825"],"function":{"name":"f","parameters":{"type":"object"}}}`: `{"name":"f","input_schema":{"type":"object"},"defer_loading":true,"input_examples":[{"a":1}],"allowed_callers":["code_execution_20250825"]}`,
		`{"type":"function","function":{"name":"f","parameters":{"type":"object"},"defer_loading":true}}`:                                                                          `{"name":"f","input_schema":{"type":"object"},"defer_loading":true}`,
	} {
		s, err := transform(t, "claude-sonnet-4-5", false, `{"messages":[{"role":"user","content":"x"}],"tools":[`+tool+`]}`)
		if err != nil || !strings.Contains(string(s.Body), `"tools":[`+want+`]`) {
			t.Errorf("%s became %s, %v, want %s", tool, s.Body, err, want)
		}
	}
	for _, tool := range []string{`{}`, `{"type":"custom","custom":{"name":"f"}}`, `7`, `{"type":"function"}`, `{"name":"f"}`} {
		_, err := transform(t, "claude-sonnet-4-5", false, `{"messages":[{"role":"user","content":"x"}],"tools":[`+tool+`]}`)
		var e *penstock.Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Message, "tools[0]") {
			t.Errorf("%s gave %v, want a rejection", tool, err)
		}
	}
}

// TestLegacyFunctions asks with functions, the deprecated form, and is answered in it.
func TestLegacyFunctions(t *testing.T) {
	s, err := transform(t, "claude-sonnet-4-5", false, `{"messages":[{"role":"user","content":"x"},
		{"role":"assistant","content":null,"function_call":{"name":"a.b","arguments":"{\"n\":1}"}},{"role":"function","name":"a.b","content":"one"},
		{"role":"assistant","content":null,"function_call":{"name":"a.b","arguments":"{\"n\":2}"}},{"role":"function","name":"a.b","content":"two"}],
		"functions":[{"name":"a.b","parameters":{"type":"object","properties":{}}}],"function_call":"auto"}`)
	if err != nil {
		t.Fatal(err)
	}
	r := checkRules(t, s.Body)
	if got := summary(r); got != "u:x a:tool_use u:tool_result a:tool_use u:tool_result" || r.Tools[0].Name != "a_b" || !strings.Contains(string(s.Body), `"disable_parallel_tool_use":true`) {
		t.Errorf("the request became %q: %s", got, s.Body)
	}
	content := `"content":[{"type":"text","text":"Wait."},{"type":"tool_use","id":"t","name":"a_b","input":{"n":3}}]`
	got := respondIn(t, s.Context, `{"type":"message",`+content+`,"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}`)
	for _, want := range []string{`"function_call":{"name":"a.b","arguments":"{\"n\":3}"}`, `"finish_reason":"function_call"`, `"content":"Wait."`} {
		if !strings.Contains(string(got), want) || strings.Contains(string(got), "tool_calls") {
			t.Errorf("the reply lacks %s: %s", want, got)
		}
	}
	lines := host.Play(t, s.Context, []sseEvent{start(`"content":[]`),
		{Name: "content_block_start", Data: `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"a_b","input":{}}}`},
		{Name: "content_block_delta", Data: `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"n\":"}}`},
		{Name: "content_block_delta", Data: `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"3}"}}`},
		{Name: "content_block_stop", Data: `{"type":"content_block_stop","index":0}`}, delta(`"tool_use"`), stopEvent})
	all := strings.Join(lines, "\n")
	for _, want := range []string{`"delta":{"function_call":{"name":"a.b","arguments":""}}`, `"delta":{"function_call":{"arguments":"{\"n\":"}}`,
		`"delta":{"function_call":{"arguments":"3}"}}`, `"finish_reason":"function_call"`} {
		if !strings.Contains(all, want) || strings.Contains(all, "tool_calls") {
			t.Errorf("the stream lacks %s:\n%s", want, all)
		}
	}
	// A request with tools as well is answered with tool calls.
	s, err = transform(t, "claude-sonnet-4-5", false, `{"messages":[{"role":"user","content":"x"}],"tools":[`+tool("g")+`],"functions":[{"name":"f"}]}`)
	if err != nil || s.Context != nil {
		t.Errorf("tools and functions: context %s, %v", s.Context, err)
	}
}

// TestManyCallsWithOneID is a long conversation with a service that gives every call the
// same id: the work must grow with its length alone.
func TestManyCallsWithOneID(t *testing.T) {
	var messages []string
	for range 5000 {
		messages = append(messages, `{"role":"assistant","tool_calls":[{"id":"f:0","type":"function","function":{"name":"a.b","arguments":"{}"}}]},{"role":"tool","tool_call_id":"f:0","content":"r"}`)
	}
	s, err := transformFor(t, dialecttest.Target{Model: "claude-sonnet-4-5"}, false, `{"messages":[{"role":"user","content":"x"},`+strings.Join(messages, ",")+`]}`)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, m := range checkRules(t, s.Body).Messages {
		for _, b := range m.Content {
			if b.Type == "tool_use" {
				ids[b.ID] = true
			}
		}
	}
	if len(ids) != 5000 {
		t.Errorf("%d ids for 5,000 calls", len(ids))
	}
}
