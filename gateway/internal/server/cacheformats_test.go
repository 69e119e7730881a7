package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// cachingClient asks the same in one wire format as the others do in theirs.
type cachingClient struct {
	name, dialect, path, streamPath, body string
}

var cachingClients = []cachingClient{
	{"chat", "openai", "/chat/completions", "/chat/completions",
		`{"model":"m","max_completion_tokens":50,"messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Say something nice."}]}]%s}`},
	{"messages", "anthropic", "/messages", "/messages",
		`{"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":"Say something nice."}],"max_tokens":50,"model":"m"%s}`},
	{"responses", "openai-responses", "/responses", "/responses",
		`{"model":"m","instructions":"Be brief.","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Say something nice."}]}],"max_output_tokens":50%s}`},
	{"generateContent", "gemini", "/models/m:generateContent", "/models/m:streamGenerateContent?alt=sse",
		`{"contents":[{"role":"user","parts":[{"text":"Say something nice."}]}],"systemInstruction":{"parts":[{"text":"Be brief."}]},"generationConfig":{"maxOutputTokens":50}%.0s}`},
}

// ask sends the request and returns the reply. The namespace keeps requests apart.
func (c cachingClient) ask(t *testing.T, h *testServer, stream bool, header ...string) (*http.Response, []byte) {
	t.Helper()
	path, more := c.path, ""
	if stream {
		path, more = c.streamPath, `,"stream":true`
		if c.name == "chat" {
			more += `,"stream_options":{"include_usage":true}`
		}
	}
	return h.postTo(t, path, fmt.Sprintf(c.body, more), header...)
}

// openCaching opens a server with a cache, in front of a model that speaks a wire format.
func openCaching(t *testing.T, dialect string) (*testServer, *llmtest.Server) {
	up := llmtest.NewServer(t, llmtest.Model())
	return openTestServer(t, http.NotFoundHandler(), fmt.Sprintf(`
keys: off
providers: {up: {dialect: %s, base_url: %s, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/model], cache: {ttl: 1h}}}
ledger: "sqlite://:memory:"
`, dialect, up.URL)), up
}

// TestHitsInAllFormats stores the reply to a client of each format, as a stream and whole, and
// has a client of each format ask for the same, as a stream and whole: it gets what it would
// have got of the target itself.
func TestHitsInAllFormats(t *testing.T) {
	skipRaced(t)
	for _, dialect := range []string{"openai", "anthropic", "openai-responses", "gemini"} {
		t.Run(dialect, func(t *testing.T) {
			h, up := openCaching(t, dialect)
			for _, asks := range pairs() {
				t.Run(asks.String(), func(t *testing.T) { asks.check(t, h, up, dialect) })
			}
		})
	}
}

// pair is two requests for the same.
type pair struct {
	first, second             cachingClient
	firstStream, secondStream bool
}

func pairs() (all []pair) {
	modes := []bool{false, true}
	for _, a := range cachingClients {
		for _, b := range cachingClients {
			for _, s := range modes {
				for _, z := range modes {
					all = append(all, pair{a, b, s, z})
				}
			}
		}
	}
	return all
}

func (p pair) String() string {
	mode := map[bool]string{true: "stream", false: "plain"}
	return fmt.Sprintf("%s %s then %s %s", p.first.name, mode[p.firstStream], p.second.name, mode[p.secondStream])
}

func (p pair) check(t *testing.T, h *testServer, up *llmtest.Server, dialect string) {
	namespace := []string{"X-Portkey-Cache-Namespace", t.Name()}
	resp, body := p.first.ask(t, h, p.firstStream, namespace...)
	if resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Cache") != "miss" {
		t.Fatalf("first: %d %s %s", resp.StatusCode, resp.Header.Get("X-Penstock-Cache"), body)
	}
	sent := len(up.Requests())
	resp, got := p.second.ask(t, h, p.secondStream, namespace...)
	if resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Cache") != "hit" || len(up.Requests()) != sent {
		t.Fatalf("second: %d %s %s", resp.StatusCode, resp.Header.Get("X-Penstock-Cache"), got)
	}
	_, want := p.second.ask(t, h, p.secondStream, "Cache-Control", "no-cache, no-store")
	switch {
	case p.first.name == p.second.name && p.firstStream == p.secondStream:
		if diff := cmp.Diff(ownID.ReplaceAllString(string(body), ""), ownID.ReplaceAllString(string(got), "")); diff != "" {
			t.Errorf("the same request again gets other bytes (-first +again)\n%s", diff)
		}
	case p.secondStream && (!p.firstStream || p.second.dialect == dialect): // in other pieces than the target's own
		if diff := cmp.Diff(gistOf(want), gistOf(got)); diff != "" {
			t.Errorf("(-of the target +of the cache)\n%s\n%s", diff, got)
		}
	default:
		if diff := cmp.Diff(said(t, want), said(t, got)); diff != "" {
			t.Errorf("(-of the target +of the cache)\n%s\n%s", diff, got)
		}
	}
}

// ownID is what a translated reply has of its request and of the time.
var ownID = regexp.MustCompile(`req_[0-9a-z]+|"(created_at|created|completed_at)":\d+`)

// gist is what a stream says, however it is cut into pieces.
type gist struct {
	Kinds, Text string
	Usage       int64
}

func gistOf(stream []byte) (g gist) {
	for line := range strings.Lines(string(stream)) {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		e := gjson.Parse(data)
		if kind := e.Get("type").Str; !strings.HasSuffix(g.Kinds, kind+" ") {
			g.Kinds += kind + " "
		}
		for _, path := range []string{"choices.0.delta.content", "delta.text", "delta", "candidates.0.content.parts.0.text"} {
			if text := e.Get(path); text.Type == gjson.String {
				g.Text += text.Str
			}
		}
		for _, path := range []string{"usage.completion_tokens", "usage.output_tokens", "response.usage.output_tokens", "usageMetadata.candidatesTokenCount"} {
			g.Usage = max(g.Usage, e.Get(path).Int())
		}
	}
	return g
}

// said is what a reply says, without ids and times: one value for each event.
func said(t *testing.T, body []byte) (all []any) {
	t.Helper()
	if len(body) > 0 && body[0] == '{' {
		return append(all, withoutIDs(t, body))
	}
	r := framing.NewReader(bytes.NewReader(body), 1<<20)
	defer r.Release()
	for {
		e, err := r.Next()
		switch {
		case err == io.EOF:
			return all
		case err != nil:
			t.Fatal(err)
		case len(e.Data) > 0 && e.Data[0] == '{':
			all = append(all, withoutIDs(t, e.Data))
		default:
			all = append(all, string(e.Data))
		}
	}
}

func withoutIDs(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return dropIDs(v)
}

// dropIDs removes ids and times, and the members by which a translated reply differs from a
// provider's own: counts of zero and what is null, what a response repeats of its request, and where a message
// tells its usage.
func dropIDs(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, one := range v {
			switch name {
			case "id", "item_id", "responseId", "created", "created_at", "completed_at", "createTime",
				"background", "instructions", "max_output_tokens", "max_tool_calls", "previous_response_id", "prompt_cache_key", "reasoning",
				"safety_identifier", "store", "temperature", "top_logprobs", "top_p", "truncation",
				"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens":
				delete(v, name)
			case "text":
				if _, format := one.(map[string]any); format {
					delete(v, name)
				}
			default:
				v[name] = dropIDs(one)
			}
			if one == nil || one == 0.0 && (strings.HasSuffix(name, "TokenCount") || name == "output_tokens") {
				delete(v, name)
			}
		}
		if m, ok := v["message"].(map[string]any); ok && v["type"] == "message_start" {
			delete(m, "usage")
		}
	case []any:
		for i := range v {
			v[i] = dropIDs(v[i])
		}
	}
	return v
}

// TestUsageIsShownToThoseWhoAsk stores a stream for a client who did not ask for its usage, and
// for one who did.
func TestUsageIsShownToThoseWhoAsk(t *testing.T) {
	skipRaced(t)
	for _, dialect := range []string{"openai", "anthropic"} {
		h, _ := openCaching(t, dialect)
		for _, first := range []bool{false, true} {
			for _, second := range []bool{false, true} {
				ask := func(usage bool) (string, string) {
					resp, got := h.post(t, fmt.Sprintf(`{"model":"m","stream":true,"stream_options":{"include_usage":%t},%s}`, usage, hello),
						"X-Portkey-Cache-Namespace", fmt.Sprint(first, second))
					return resp.Header.Get("X-Penstock-Cache"), string(got)
				}
				ask(first)
				if state, got := ask(second); state != "hit" || strings.Contains(got, `"completion_tokens"`) != second || !strings.HasSuffix(got, "[DONE]\n\n") {
					t.Errorf("%s, usage %t then %t: %s\n%s", dialect, first, second, state, got)
				}
			}
		}
	}
}
