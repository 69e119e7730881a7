package anthropic_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ask is a request with these messages and further members.
func ask(messages, more string) string {
	return `{"model":"m","max_tokens":9,"messages":[` + messages + `]` + more + `}`
}

// acceptances are requests of clients and their canonical forms, both without what ask adds.
var acceptances = map[string]struct{ messages, more, want, wantMore string }{
	"media": {
		`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image\/png","data":"iVBO"},"cache_control":{"type":"ephemeral"}},{"type":"image","source":{"type":"url","url":"https://x/y.png"}},
		{"type":"document","title":"T","context":"C","citations":{"enabled":true},"source":{"type":"base64","media_type":"application/pdf","data":"JVBE"}},{"type":"document","source":{"type":"url","url":"https://x/y.pdf"}},
		{"type":"document","source":{"type":"file","file_id":"f"}},{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a\"é"}},{"type":"image","source":{"type":"file","file_id":"f"}},
		{"type":"document","source":{"type":"content","content":[]}}]}`, ``,
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image\/png;base64,iVBO"},"cache_control":{"type":"ephemeral"}},{"type":"image_url","image_url":{"url":"https://x/y.png"}},` +
			`{"type":"file","file":{"filename":"T","file_data":"data:application/pdf;base64,JVBE"},"context":"C","citations":{"enabled":true}},{"type":"file","file":{"file_url":"https://x/y.pdf"}},` +
			`{"type":"file","file":{"file_id":"f"}},{"type":"file","file":{"file_data":"data:text/plain;base64,YSLDqQ=="}},{"type":"image","source":{"type":"file","file_id":"f"}},{"type":"document","source":{"type":"content","content":[]}}]}`, ``},
	"results before the rest": {
		`{"role":"user","content":[{"type":"text","text":"so"},{"type":"tool_result","tool_use_id":"a"},{"type":"tool_result","tool_use_id":"b","is_error":true,"content":[{"type":"text","text":"no"},{"type":"image","source":{"type":"url","url":"https://x"}}],"cache_control":{"type":"ephemeral"}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"yes"}]}`, ``,
		`{"role":"tool","tool_call_id":"a","content":""},{"role":"tool","tool_call_id":"b","content":[{"type":"text","text":"no"},{"type":"image_url","image_url":{"url":"https://x"}}],"is_error":true,"cache_control":{"type":"ephemeral"}},` +
			`{"role":"user","content":"so"},{"role":"tool","tool_call_id":"c","content":"yes"}`, ``},
	"an assistant in order": {
		`{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"s"},{"type":"redacted_thinking","data":"d"},{"type":"text","text":"b"},{"type":"tool_use","id":"t","name":"f","input":{"x":1.50},"caller":{"type":"direct"}}]}`, ``,
		`{"role":"assistant","thinking_blocks":[{"type":"thinking","thinking":"a","signature":"s"},{"type":"redacted_thinking","data":"d"}],"content":"b","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{\"x\":1.50}"},"caller":{"type":"direct"}}]}`, ``},
	"an assistant in several messages": {
		`{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"s"},{"type":"server_tool_use","id":"u","name":"web_search","input":{}},{"type":"thinking","thinking":"b","signature":"t"},{"type":"tool_use","id":"t","name":"f"},{"type":"text","text":"c"}]}`, ``,
		`{"role":"assistant","thinking_blocks":[{"type":"thinking","thinking":"a","signature":"s"}],"content":[{"type":"server_tool_use","id":"u","name":"web_search","input":{}}]},` +
			`{"role":"assistant","thinking_blocks":[{"type":"thinking","thinking":"b","signature":"t"}],"content":"c","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]}`, ``},
	"what another provider's reply left": {
		`{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":""},{"type":"text","text":"b","citations":[{"type":"web_search_result_location","url":"u","encrypted_index":""}]}]},{"role":"assistant","content":[{"type":"text","text":"c","citations":[{"type":"web_search_result_location","url":"u","encrypted_index":"i"}]}]}`, ``,
		`{"role":"assistant","reasoning_content":"a","content":[{"type":"text","text":"b"}]},{"role":"assistant","content":[{"type":"text","text":"c","citations":[{"type":"web_search_result_location","url":"u","encrypted_index":"i"}]}]}`, ``},
	"odd content": {
		`{"role":"user","content":[]},{"role":"user"},{"role":"assistant","content":[]},{"role":"assistant","content":"a"},{"role":"teacher","content":"b"}`, `,"system":[]`,
		`{"role":"user","content":""},{"role":"user","content":""},{"role":"assistant","content":""},{"role":"assistant","content":"a"},{"role":"teacher","content":"b"}`, ``},
	"system": {
		`{"role":"user","content":"a"}`, `,"system":[{"type":"text","text":"b"},{"type":"text","text":"c","cache_control":{"type":"ephemeral"}}]`,
		`{"role":"system","content":[{"type":"text","text":"b"},{"type":"text","text":"c","cache_control":{"type":"ephemeral"}}]},{"role":"user","content":"a"}`, ``},
	"tools": {
		`{"role":"user","content":"a"}`, `,"tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"strict":true,"cache_control":{"type":"ephemeral"},"eager_input_streaming":true},{"type":"custom","name":"g","input_schema":{}},{"type":"bash_20250124","name":"bash"}],"tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true}`,
		`{"role":"user","content":"a"}`, `,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true},"cache_control":{"type":"ephemeral"},"eager_input_streaming":true},` +
			`{"type":"function","function":{"name":"g","parameters":{}}},{"type":"bash_20250124","name":"bash"}],"tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false`},
	"a choice without tools": {`{"role":"user","content":"a"}`, `,"tools":[],"tool_choice":{"type":"any"}`, `{"role":"user","content":"a"}`, ``},
	"parameters": {
		`{"role":"user","content":"a"}`, `,"stream":true,"temperature":0.5,"top_p":0.9,"top_k":4,"stop_sequences":["x"],"metadata":{"user_id":"u","other":1},"service_tier":"standard_only","thinking":{"type":"adaptive"},"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}},"cache_control":{"type":"ephemeral"},"context_management":null,"n":3,"user":"v","stop":"y"`,
		`{"role":"user","content":"a"}`, `,"temperature":0.5,"top_p":0.9,"top_k":4,"stop":["x"],"thinking":{"type":"adaptive"},"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}},"reasoning_effort":"low",` +
			`"response_format":{"type":"json_schema","json_schema":{"name":"response","schema":{"type":"object"}}},"user":"u","service_tier":"default","anthropic_beta":["a","b"],"cache_control":{"type":"ephemeral"}`},
}

func TestAccept(t *testing.T) {
	for name, tt := range acceptances {
		t.Run(name, func(t *testing.T) {
			headers := map[string]string{}
			if name == "parameters" {
				headers["anthropic-beta"] = "a, b,"
			}
			got, err := host.Accept(t, headers, ask(tt.messages, tt.more))
			if err != nil {
				t.Fatal(err)
			}
			want := ask(tt.want, tt.wantMore)
			if strings.Contains(tt.more, `"stream":true`) {
				want = strings.Replace(want, `"messages"`, `"stream":true,"messages"`, 1)
			}
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Errorf("canonical request (-want +got):\n%s", diff)
			}
		})
	}
}

// TestUnacceptableRequests wants the member at fault to be named.
func TestUnacceptableRequests(t *testing.T) {
	for request, want := range map[string]string{
		`[]`: "not a JSON object",
		ask(`{"role":"user","content":[{"type":"text","text":"a"},{"type":"tool_result","content":"b"}]}`, ``):                               "messages[0].content[1].tool_use_id: ",
		ask(`{"role":"assistant","content":[{"type":"tool_use","id":"a","input":{}}]}`, ``):                                                  "messages[0].content[0].name: ",
		ask(`{"role":"user","content":[1]}`, ``):                                                                                             "messages[0].content[0]: ",
		ask(`{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"x"}}]}`, ``):                                        "messages[0].content[0].source: ",
		ask(`{"role":"user","content":[{"type":"image","source":{"type":"url"}}]}`, ``):                                                      "messages[0].content[0].source.url: ",
		ask(`{"role":"user","content":[{"type":"document","source":{"type":"text"}}]}`, ``):                                                  "messages[0].content[0].source.data: ",
		ask(`{"role":"user","content":[{"type":"document","source":{"type":"file"}}]}`, ``):                                                  "messages[0].content[0].source: ",
		ask(`{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"image","source":{"type":"url"}}]}]}`, ``): "messages[0].content[0].content[0].source.url: ",
	} {
		if got, err := host.Accept(t, nil, request); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s became %s, %v, want %q", request, got, err, want)
		}
	}
}
