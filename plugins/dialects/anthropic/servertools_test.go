package anthropic_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// The blocks of tools that Anthropic runs itself.
const (
	searchBlock  = `{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"go"}}`
	resultBlock  = `{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","url":"https://go.dev","title":"Go","encrypted_content":"ENC"}]}`
	mcpBlock     = `{"type":"mcp_tool_use","id":"mcptoolu_1","name":"echo","server_name":"s","input":{"a":1}}`
	mcpResult    = `{"type":"mcp_tool_result","tool_use_id":"mcptoolu_1","is_error":false,"content":[{"type":"text","text":"not said by the model"}]}`
	codeBlock    = `{"type":"server_tool_use","id":"srvtoolu_2","name":"bash_code_execution","input":{"command":"ls"}}`
	codeResult   = `{"type":"bash_code_execution_tool_result","tool_use_id":"srvtoolu_2","content":{"type":"bash_code_execution_result","stdout":"x\n"}}`
	citedBlock   = `{"type":"text","text":"é a language","citations":[{"type":"web_search_result_location","url":"https://go.dev","title":"Go","encrypted_index":"IDX","cited_text":"Go"}]}`
	clientsBlock = `{"type":"tool_use","id":"toolu_1","name":"f","input":{"x":1}}`
)

func said(text string) string { return fmt.Sprintf(`{"type":"text","text":%q}`, text) }

// TestServerTools has replies in which Anthropic runs tools come plain and as a stream, which
// must say the same: the text with its sources, the searches, and no call but the client's own.
func TestServerTools(t *testing.T) {
	for name, tt := range map[string]struct {
		content []string
		text    string
		spans   string // of the annotations
		calls   int64
	}{
		"a search":              {[]string{searchBlock, resultBlock, said("Go is "), citedBlock, said(".")}, "Go is é a language.", "[6,18]", 0},
		"a text before":         {[]string{said("I will look."), searchBlock, resultBlock, said("Go is "), citedBlock}, "I will look.\n\nGo is é a language", "[20,32]", 0},
		"cited right behind":    {[]string{said("Well:"), searchBlock, resultBlock, citedBlock}, "Well:\n\né a language", "[7,19]", 0},
		"two searches":          {[]string{said("A"), searchBlock, resultBlock, searchBlock, resultBlock, said("B"), codeBlock, codeResult, said("C")}, "A\n\nB\n\nC", "", 0},
		"blanks are enough":     {[]string{said("A\n"), searchBlock, resultBlock, said("B"), mcpBlock, mcpResult, said(" C")}, "A\nB C", "", 0},
		"blank texts":           {[]string{said("A"), searchBlock, said(""), resultBlock, said("B")}, "A\n\nB", "", 0},
		"MCP and the client's":  {[]string{said("A"), mcpBlock, mcpResult, said("B"), clientsBlock}, "A\n\nB", "", 1},
		"nothing said":          {[]string{codeBlock, codeResult}, "", "", 0},
		"a thought is no break": {[]string{said("A"), `{"type":"thinking","thinking":"t","signature":"s"}`, said("B")}, "AB", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			const usage = `"usage":{"input_tokens":10,"output_tokens":5,"server_tool_use":{"web_search_requests":2}}`
			plain := host.Response(t, 200, nil, `{"type":"message","role":"assistant","model":"claude-sonnet-4-5","stop_reason":"end_turn","content":[`+strings.Join(tt.content, ",")+`],`+usage+`}`)
			events := []sseEvent{start(`"content":[],"stop_reason":null`)}
			for i, block := range tt.content {
				events = append(events, streamed(i, block)...)
			}
			lines := play(t, append(events, sseEvent{Name: "message_delta", Data: `{"type":"message_delta","delta":{"stop_reason":"end_turn"},` + usage + `}`}, stopEvent))
			whole, stream := dialecttest.ReadCompletion(t, plain), dialecttest.ReadStream(t, lines)
			if diff := cmp.Diff(whole, stream); diff != "" {
				t.Errorf("plain and stream differ (-plain +stream):\n%s", diff)
			}
			if whole.Text != tt.text || int64(len(whole.Calls)) != tt.calls || strings.Contains(string(plain), "not said") {
				t.Errorf("the reply is %s", plain)
			}
			all := strings.Join(lines, "\n")
			var inStream string
			for _, line := range lines {
				inStream += spansOf(gjson.Get(line, "choices.0.delta.annotations"))
			}
			if got := spansOf(gjson.GetBytes(plain, "choices.0.message.annotations")); got != tt.spans || inStream != tt.spans {
				t.Errorf("the annotations span %s and %s, want %s", got, inStream, tt.spans)
			}
			for _, reply := range []string{string(plain), all} {
				if !strings.Contains(reply, `"web_search_requests":2`) {
					t.Errorf("the searches are not counted in %s", reply)
				}
			}
		})
	}
}

// spansOf writes the spans of annotations.
func spansOf(list gjson.Result) (spans string) {
	for _, a := range list.Array() {
		c := a.Get("url_citation")
		spans += fmt.Sprintf("[%d,%d]", c.Get("start_index").Int(), c.Get("end_index").Int())
	}
	return spans
}

// streamed are the events of one block: its pieces come one character at a time, and its
// citations first.
func streamed(index int, block string) []sseEvent {
	event := func(kind, members string) sseEvent {
		return sseEvent{Name: kind, Data: fmt.Sprintf(`{"type":%q,"index":%d%s}`, kind, index, members)}
	}
	b := gjson.Parse(block)
	var events []sseEvent
	switch kind := b.Get("type").String(); kind {
	case "text":
		events = append(events, event("content_block_start", `,"content_block":{"type":"text","text":""}`))
		for _, c := range b.Get("citations").Array() {
			events = append(events, event("content_block_delta", `,"delta":{"type":"citations_delta","citation":`+c.Raw+`}`))
		}
		for _, r := range b.Get("text").String() {
			piece, _ := json.Marshal(string(r))
			events = append(events, event("content_block_delta", `,"delta":{"type":"text_delta","text":`+string(piece)+`}`))
		}
	case "tool_use", "server_tool_use", "mcp_tool_use":
		input, _ := json.Marshal(b.Get("input").Raw)
		events = append(events, event("content_block_start", fmt.Sprintf(`,"content_block":{"type":%q,"id":%q,"name":%q,"input":{}}`, kind, b.Get("id"), b.Get("name"))),
			event("content_block_delta", `,"delta":{"type":"input_json_delta","partial_json":`+string(input)+`}`))
	default:
		events = append(events, event("content_block_start", `,"content_block":`+block))
	}
	return append(events, event("content_block_stop", ""))
}

// TestServerToolsInHistory sends a conversation with such blocks, as a client of Anthropic's
// has it, to every provider: Anthropic gets the blocks as they were, the others get what was
// said, whole sentences, and the request reports what they do not get.
func TestServerToolsInHistory(t *testing.T) {
	content := strings.Join([]string{said("I will look."), searchBlock, resultBlock, said("Go is "), citedBlock, said("."), mcpBlock, mcpResult, codeBlock, codeResult, said("Done.")}, ",")
	for _, calls := range []bool{false, true} {
		end := `{"role":"user","content":"thanks"}`
		blocks := content
		if calls {
			blocks += "," + clientsBlock
			end = `{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"r"}]}`
		}
		body, err := host.Accept(t, nil, `{"model":"m","max_tokens":99,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[`+blocks+`]},`+end+`],"tools":[{"name":"f","input_schema":{"type":"object"}}]}`)
		if err != nil {
			t.Fatal(err)
		}
		for dialect, want := range map[string]string{
			"openai":           `"I will look.\n\nGo is é a language.\n\nDone."`,
			"openai-responses": `"I will look.\n\nGo is é a language.\n\nDone."`,
			"gemini":           `[{"text":"I will look."},{"text":"Go is "},{"text":"é a language"},{"text":"."},{"text":"Done."}`,
			"cohere":           `[{"type":"text","text":"I will look."},{"type":"text","text":"Go is "},{"type":"text","text":"é a language"},{"type":"text","text":"."},{"type":"text","text":"Done."}]`,
			"ollama":           `"I will look.\nGo is é a language.\nDone."`,
		} {
			if dialect == "cohere" && calls {
				want = `"tool_plan":"I will look.Go is é a language.Done."`
			}
			sent, err := dialecttest.Host{Dialect: dialect, Model: "m"}.Request(t, dialecttest.Target{Model: "m"}, false, string(body))
			if err != nil {
				t.Errorf("%s: %v", dialect, err)
				continue
			}
			if got := string(sent.Body); !strings.Contains(got, want) || strings.Contains(got, "not said") || strings.Contains(got, "srvtoolu") {
				t.Errorf("%s gets %s", dialect, got)
			}
			var dropped []string
			for _, k := range []int{1, 2, 6, 7, 8, 9} {
				dropped = append(dropped, fmt.Sprintf("messages[1].content[%d]", k))
			}
			if diff := cmp.Diff(dropped, sent.Dropped); diff != "" {
				t.Errorf("%s, dropped (-want +got):\n%s", dialect, diff)
			}
		}
		sent, err := host.Request(t, dialecttest.Target{Model: "claude-sonnet-4-5"}, false, string(body))
		for _, block := range []string{searchBlock, resultBlock, citedBlock, mcpBlock, mcpResult, codeBlock, codeResult} {
			if err != nil || !strings.Contains(string(sent.Body), block) {
				t.Errorf("Anthropic does not get %s back: %s, %v", block, sent.Body, err)
			}
		}
	}
}

// TestSearchesOfOthers renders recorded replies of providers that have searched the web for
// Anthropic's clients: each page that the text refers to is a citation of it.
func TestSearchesOfOthers(t *testing.T) {
	n := 0
	for _, of := range []struct{ provider, endpoint, dialect string }{
		{"openai", "responses", "openai-responses"}, {"gemini", "generateContent", "gemini"}, {"gemini", "streamGenerateContent", "gemini"},
	} {
		other := dialecttest.Host{Dialect: of.dialect, Model: "m"}
		for _, rec := range dialecttest.Recordings(t, of.provider, of.endpoint) {
			if rec.Status != 200 || !strings.Contains(rec.Response, `groundingChunks"`) && !strings.Contains(rec.Response, `"url_citation"`) {
				continue
			}
			var links []string
			var m dialecttest.Message
			if rec.Stream {
				lines := other.Play(t, nil, dialecttest.ParseSSE(rec.Response))
				links = dialecttest.ReadStream(t, lines).Links
				m, _ = dialecttest.ReadMessageStream(t, host.RenderStream(t, lines))
			} else {
				reply := other.Response(t, 200, nil, rec.Response)
				links = dialecttest.ReadCompletion(t, reply).Links
				m = dialecttest.ReadMessage(t, host.Render(t, 200, string(reply)))
			}
			var cited []string
			for _, b := range m.Blocks {
				cited = append(cited, b.Links...)
			}
			if n++; cmp.Diff(links, cited) != "" {
				t.Errorf("%s (-links +citations):\n%s", rec.Path, cmp.Diff(links, cited))
			}
		}
	}
	t.Logf("%d replies with sources", n)
}
