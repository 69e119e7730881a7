package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// asked is one request.
type asked struct {
	path, body string
	header     []string
}

func chat(more string) asked {
	return asked{path: "/chat/completions", body: `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Grüße"}]` + more + `}`}
}

func messages(more string) asked {
	return asked{path: "/messages", body: `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Grüße"}]` + more + `}`}
}

func responses(more string) asked {
	return asked{path: "/responses", body: `{"model":"m","max_output_tokens":9,"input":"Grüße"` + more + `}`}
}

func gemini(config, more string) asked {
	return asked{path: "/models/m:generateContent", body: `{"contents":[{"role":"user","parts":[{"text":"Grüße"}]}],` + config + more + `}`}
}

func (a asked) with(header ...string) asked {
	a.header = header
	return a
}

func (a asked) send(t *testing.T, h *testServer) (*http.Response, []byte) {
	t.Helper()
	return h.postTo(t, a.path, a.body, append([]string{"X-Portkey-Cache-Namespace", t.Name()}, a.header...)...)
}

// claudeCode is a system prompt as Claude Code sends it, with a checksum that differs.
func claudeCode(sum, prompt, mark string) string {
	return `,"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.42; cc_entrypoint=cli; cch=` + sum + `;"},` +
		`{"type":"text","text":"` + prompt + `"` + mark + `}],"metadata":{"user_id":"user_` + sum + `"}`
}

// TestWhatSharesAReply sends two requests, of which the second is a hit if both ask for the same.
func TestWhatSharesAReply(t *testing.T) {
	skipRaced(t)
	const mark = `,"cache_control":{"type":"ephemeral"}`
	for _, dialect := range []string{"openai", "anthropic", "openai-responses"} {
		h, _ := openCaching(t, dialect)
		for name, tt := range map[string]struct {
			first, second asked
			want          string
		}{
			"Claude Code's next request":   {messages(claudeCode("1f", "Be brief.", mark)), messages(claudeCode("2e", "Be brief.", "")), "hit"},
			"another system prompt":        {messages(claudeCode("1f", "Be brief.", "")), messages(claudeCode("1f", "Be long.", "")), "miss"},
			"Claude Code and a chat":       {messages(claudeCode("1f", "Be brief.", mark)), asked{path: "/chat/completions", body: `{"model":"m","max_tokens":9,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Grüße"}]}`}, "hit"},
			"a session's id":               {responses(`,"prompt_cache_key":"a","client_metadata":{"x":"a"},"store":false`), responses(`,"prompt_cache_key":"b","client_metadata":{"x":"b"}`), "hit"},
			"a date in metadata":           {chat(`,"metadata":{"at":"2026-11-29"}`), chat(`,"metadata":{"at":"2026-11-30"},"user":"u"`), "hit"},
			"null":                         {chat(`,"n":null,"stop":null`), chat(``), "hit"},
			"escapes":                      {chat(``), asked{path: "/chat/completions", body: `{"messages":[{"content":"Gr\u00fc\u00dfe","role":"user"}],"max_completion_tokens":9,"model":"m"}`}, "hit"},
			"a number's spelling":          {chat(`,"temperature":0,"top_p":1`), chat(`,"temperature":0.0,"top_p":1.0`), "hit"},
			"another number":               {chat(`,"temperature":0,"top_p":1`), chat(`,"temperature":0,"top_p":0.1`), "miss"},
			"a temperature":                {chat(`,"temperature":0.7`), chat(`,"temperature":0.7`), "off"},
			"Gemini's temperature":         {gemini(`"generationConfig":{"maxOutputTokens":9,"temperature":1}`, ``), gemini(`"generationConfig":{"maxOutputTokens":9,"temperature":1}`, ``), "off"},
			"Gemini's spellings":           {gemini(`"generationConfig":{"maxOutputTokens":9,"topP":0.5}`, ``), gemini(`"generation_config":{"max_output_tokens":9,"top_p":0.5}`, ``), "hit"},
			"what only Google knows":       {gemini(`"generationConfig":{"maxOutputTokens":9,"enableEnhancedCivicAnswers":true}`, ``), chat(``), "miss"},
			"what only Responses know":     {responses(`,"reasoning":{"effort":"low","summary":"auto"}`), responses(`,"reasoning":{"effort":"low"}`), "miss"},
			"Responses and a chat":         {responses(`,"reasoning":{"effort":"low"}`), chat(`,"reasoning_effort":"low"`), "hit"},
			"what only Responses have":     {responses(`,"truncation":"auto"`), chat(``), "miss"},
			"thinking":                     {messages(`,"thinking":{"type":"enabled","budget_tokens":5}`), chat(``), "miss"},
			"tools":                        {messages(`,"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}` + mark + `}]`), chat(`,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}]`), "miss"}, // it ends with a call
			"a member that nobody knows":   {chat(`,"x":1`), chat(`,"x":2`), "miss"},
			"another member of a message":  {messages(``), asked{path: "/messages", body: `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Grüße","x":1}]}`}, "miss"},
			"a beta":                       {messages(``).with("Anthropic-Beta", "a"), messages(``).with("Anthropic-Beta", "b"), "miss"},
			"the same beta":                {messages(``).with("Anthropic-Beta", "a"), messages(``).with("Anthropic-Beta", "a"), "hit"},
			"a conversation that is kept":  {responses(`,"conversation":"c"`), responses(`,"conversation":"c"`), "off"},
			"a container":                  {messages(`,"container":"c"`), messages(`,"container":"c"`), "off"},
			"the cache's own instructions": {chat(`,"cache":{"ttl":60}`), chat(``), "hit"},
		} {
			t.Run(dialect+"/"+name, func(t *testing.T) {
				if resp, got := tt.first.send(t, h); resp.StatusCode != 200 {
					if tt.want == "off" { // no target that keeps it
						return
					}
					t.Fatalf("first: %d %s", resp.StatusCode, got)
				}
				if resp, got := tt.second.send(t, h); resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Cache") != tt.want {
					t.Errorf("second: %d %s, want %s\n%s", resp.StatusCode, resp.Header.Get("X-Penstock-Cache"), tt.want, got)
				}
			})
		}
	}
}

// TestEchoes has two clients of the Responses API ask for the same with other metadata: each
// reply repeats its own request's.
func TestEchoes(t *testing.T) {
	up := llmtest.NewServer(t, llmtest.JSON(200, strings.Replace(llmtest.Chat{Text: "hello"}.Responses(), `"metadata":{}`, `"metadata":{"who":"ada"}`, 1)))
	h := openTestServer(t, http.NotFoundHandler(), `
keys: off
providers: {up: {dialect: openai-responses, base_url: `+up.URL+`, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/model], cache: {ttl: 1h}}}
ledger: "sqlite://:memory:"
`)
	for _, tt := range []struct{ who, state string }{{"ada", "miss"}, {"ada", "hit"}, {"bob", "hit"}} {
		resp, got := responses(`,"metadata":{"who":"`+tt.who+`"}`).send(t, h)
		if who := gjson.GetBytes(got, "metadata.who").Str; who != tt.who || resp.Header.Get("X-Penstock-Cache") != tt.state {
			t.Errorf("%s got a %s for %s", tt.who, resp.Header.Get("X-Penstock-Cache"), who)
		}
	}
}

// TestToolCallsAreKeptIfTheRouteSaysSo asks for the same call twice.
func TestToolCallsAreKeptIfTheRouteSaysSo(t *testing.T) {
	call := chat(`,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`)
	same := messages(`,"tools":[{"name":"f","input_schema":{"type":"object"}}]`)
	for settings, want := range map[string][2]string{"cache: {ttl: 1h}": {"miss", "miss"}, "cache: {ttl: 1h, tool_calls: true}": {"hit", "hit"}} {
		h := openTestServer(t, llmtest.Handler(llmtest.Model()), `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models: {m: {targets: [up/model], `+settings+`}}
ledger: "sqlite://:memory:"
`)
		call.send(t, h)
		for i, again := range []asked{call, same} {
			if resp, got := again.send(t, h); resp.Header.Get("X-Penstock-Cache") != want[i] || !strings.Contains(string(got), `"f"`) {
				t.Errorf("%s: %s %s, want a %s", settings, resp.Header.Get("X-Penstock-Cache"), got, want[i])
			}
		}
	}
}
