package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// clientDialect is how the clients of one format ask, and what they look for in a reply.
type clientDialect struct {
	path, plain, stream string
	// end is in every complete stream and in no other, broken in one that ends in an error.
	end, broken string
	// whole reports whether a plain reply is complete.
	whole func(body []byte) bool
}

var clientDialects = map[string]clientDialect{
	"chat": {path: "/chat/completions", plain: `{"model":"%s","messages":[{"role":"user","content":"hi"}]}`,
		stream: `{"model":"%s","stream":true,"messages":[{"role":"user","content":"hi"}]}`, end: "data: [DONE]", broken: `data: {"error":{`,
		whole: hasMember("choices")},
	"messages": {path: "/messages", plain: `{"model":"%s","max_tokens":99,"messages":[{"role":"user","content":"hi"}]}`,
		stream: `{"model":"%s","max_tokens":99,"stream":true,"messages":[{"role":"user","content":"hi"}]}`, end: "event: message_stop", broken: "event: error\ndata: {\"type\":\"error\"",
		whole: hasMember("stop_reason")},
	"responses": {path: "/responses", plain: `{"model":"%s","input":"hi"}`, stream: `{"model":"%s","stream":true,"input":"hi"}`,
		end: "event: response.completed", broken: "event: error\ndata: {\"type\":\"error\"", whole: hasMember("output")},
}

func hasMember(name string) func([]byte) bool {
	return func(body []byte) bool {
		var object map[string]json.RawMessage
		return json.Unmarshal(body, &object) == nil && object[name] != nil
	}
}

// responseEvents is a streamed reply of the Responses API, which ends with its completion.
func responseEvents() string {
	ev := func(name, rest string) string {
		return "event: " + name + "\ndata: {\"type\":\"" + name + "\"" + rest + "}\n\n"
	}
	return ev("response.created", `,"response":{"id":"r","object":"response","status":"in_progress","model":"x","output":[]}`) +
		ev("response.output_text.delta", `,"item_id":"i","output_index":0,"content_index":0,"delta":"from there"`) +
		ev("response.completed", `,"response":{"id":"r","object":"response","status":"completed","model":"x","output":[{"type":"message","id":"i","content":[{"type":"output_text","text":"from there"}]}],"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}`)
}

// TestCutIsNeverComplete cuts the reply of every provider, streamed and plain, at many of
// its bytes. No client, whatever it speaks, may take what it gets for the whole.
func TestCutIsNeverComplete(t *testing.T) {
	var at atomic.Int64
	chat := llmtest.Chat{Text: "from there"}
	streams := map[string]string{
		"/o/chat/completions": string(joinFrames(chat.OpenAIChunks(true))),
		"/a/messages":         string(joinFrames(chat.AnthropicEvents())),
		"/o/responses":        responseEvents(),
	}
	plain := map[string]string{
		"/o/chat/completions": chat.OpenAI(),
		"/a/messages":         chat.Anthropic(),
		"/o/responses":        `{"id":"r","object":"response","status":"completed","model":"x","output":[{"type":"message","id":"i","content":[{"type":"output_text","text":"from there"}]}]}`,
	}
	up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, _ := io.ReadAll(r.Body)
		body, n := plain[r.URL.Path], int(at.Load())
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(string(asked), `"stream":true`) {
			body = streams[r.URL.Path]
			w.Header().Set("Content-Type", "text/event-stream")
		}
		if body == "" {
			t.Errorf("the upstream was asked for %s", r.URL.Path)
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body))) // so that a cut is one
		_, _ = io.WriteString(w, body[:min(n, len(body))])
		if n < len(body) {
			_ = http.NewResponseController(w).Flush() // what is buffered is lost otherwise
			panic(http.ErrAbortHandler)
		}
	})
	h := openTestServer(t, up, `
keys: off
providers:
  o: {dialect: openai, also: [openai-responses], base_url: $UPSTREAM/o, allow_private: true, api_key: env:TEST_KEY}
  a: {dialect: anthropic, base_url: $UPSTREAM/a, allow_private: true, api_key: env:TEST_KEY}
models:
  o: {targets: [o/x], retries: {attempts: 1}}
  a: {targets: [a/x], retries: {attempts: 1}}
ledger: sqlite://penstock.db
`)
	for _, pair := range []struct{ client, model, upstream string }{
		{"chat", "o", "/o/chat/completions"}, {"chat", "a", "/a/messages"},
		{"messages", "a", "/a/messages"}, {"messages", "o", "/o/chat/completions"},
		{"responses", "o", "/o/responses"},
	} {
		t.Run(pair.client+" from "+pair.model, func(t *testing.T) {
			c, size := clientDialects[pair.client], len(streams[pair.upstream])
			for n := 0; n <= size; n += max(1, min(size/40, size-n)) {
				at.Store(int64(n))
				h.health.Forget(pair.model)
				resp, got := h.postTo(t, c.path, fmt.Sprintf(c.stream, pair.model))
				body := string(got)
				switch complete := strings.Contains(body, c.end); {
				case complete && n < size:
					t.Fatalf("cut at %d of %d the reply looks complete:\n%s", n, size, body)
				case !complete && n == size:
					t.Fatalf("the whole reply does not look complete: %d\n%s", resp.StatusCode, body)
				case !complete && resp.StatusCode == 200 && !strings.Contains(body, c.broken):
					t.Fatalf("cut at %d of %d the reply just ends:\n%s", n, size, body)
				case resp.StatusCode != 200 && resp.StatusCode < 500:
					t.Fatalf("cut at %d of %d: %d %s", n, size, resp.StatusCode, body)
				}
				if n == size {
					break
				}
			}
			size = len(plain[pair.upstream])
			for n := 0; n < size; n += 1 + size/20 {
				at.Store(int64(n))
				h.health.Forget(pair.model)
				if resp, got := h.postTo(t, c.path, fmt.Sprintf(c.plain, pair.model)); resp.StatusCode < 500 || c.whole(got) {
					t.Fatalf("cut at %d of %d: %d %s", n, size, resp.StatusCode, got)
				}
			}
			at.Store(int64(size))
			h.health.Forget(pair.model)
			if resp, got := h.postTo(t, c.path, fmt.Sprintf(c.plain, pair.model)); resp.StatusCode != 200 || !c.whole(got) {
				t.Errorf("the whole plain reply: %d %s", resp.StatusCode, got)
			}
		})
	}
}

func joinFrames(frames [][]byte) (all []byte) {
	for _, f := range frames {
		all = append(all, f...)
	}
	return all
}
