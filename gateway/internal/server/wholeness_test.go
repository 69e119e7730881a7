package server

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// provider is an upstream whose /bad answers as a test case has it and whose /good works.
type provider struct{ body, kind atomic.Pointer[string] }

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked, _ := io.ReadAll(r.Body)
	if strings.HasPrefix(r.URL.Path, "/good") {
		if strings.Contains(string(asked), `"stream":true`) {
			llmtest.Handler(llmtest.Frames(llmtest.Chat{Text: "from the other"}.OpenAIChunks(true)...)).ServeHTTP(w, r)
			return
		}
		llmtest.Handler(llmtest.JSON(200, llmtest.Chat{Text: "from the other"}.OpenAI())).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", *p.kind.Load())
	_, _ = io.WriteString(w, *p.body.Load())
}

func (p *provider) answers(stream bool, body string) {
	kind := "application/json"
	if stream {
		kind = "text/event-stream"
	}
	p.kind.Store(&kind)
	p.body.Store(&body)
}

// k is a chunk with a delta, ka an Anthropic event with its name.
func k(delta string) string {
	return `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"x","choices":[{"index":0,"delta":` + delta + `,"finish_reason":null}]}` + "\n\n"
}

func ka(name, rest string) string {
	return "event: " + name + "\ndata: {\"type\":\"" + name + "\"" + rest + "}\n\n"
}

const (
	oFin  = `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	oDone = "data: [DONE]\n\n"
)

func aText(text string) string {
	return ka("message_start", `,"message":{"id":"m1","type":"message","role":"assistant","model":"x","content":[],"stop_reason":null,"usage":{"input_tokens":7,"output_tokens":1}}`) +
		ka("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`) +
		ka("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"`+text+`"}`) + ka("content_block_stop", `,"index":0`)
}

func aDelta(reason string) string {
	return ka("message_delta", `,"delta":{"stop_reason":"`+reason+`"},"usage":{"output_tokens":5}`)
}

// The ends of a reply, as the caller sees them.
const (
	whole   = "whole"   // to its terminator
	cut     = "cut"     // an in-band error after content, or a refusal before it was sent
	refused = "refused" // an error status
	other   = "other"   // the fallback's answer
)

// TestWholeOrCut sends what providers do wrong through both dialects, streamed and
// plain, with and without another target.
func TestWholeOrCut(t *testing.T) {
	up := &provider{}
	up.answers(true, "")
	h := openTestServer(t, up, `
keys: off
providers:
  o: {dialect: openai, base_url: $UPSTREAM/bad, allow_private: true, api_key: env:TEST_KEY}
  a: {dialect: anthropic, base_url: $UPSTREAM/bad, allow_private: true, api_key: env:TEST_KEY}
  good: {dialect: openai, base_url: $UPSTREAM/good, allow_private: true, api_key: env:TEST_KEY}
models:
  o-alone: {targets: [o/m], retries: {attempts: 1}, cache: {ttl: 1h}}
  a-alone: {targets: [a/m], retries: {attempts: 1}, cache: {ttl: 1h}}
  o-first: {targets: [o/m], fallback: [good/m], retries: {attempts: 1}}
  a-first: {targets: [a/m], fallback: [good/m], retries: {attempts: 1}}
ledger: sqlite://penstock.db
`)
	errors := map[string]string{
		"vLLM's": `{"object":"error","message":"maximum context length","code":400}`, "a text": `{"error":"overloaded"}`,
		"FastAPI's": `{"detail":[{"msg":"no"}]}`, "a nameless": `{"message":"no","code":500}`, "an object": `{"error":{"message":"no","type":"server_error"}}`,
	}
	type reply struct {
		name, dialect    string
		stream           bool
		body             string
		alone, withOther string
	}
	cases := []reply{
		{"nothing", "o", true, "", refused, other},
		{"nothing", "a", true, "", refused, other},
		{"a terminator alone", "o", true, oDone, refused, other},
		{"a greeting and a terminator", "o", true, k(`{"role":"assistant","content":""}`) + oDone, refused, other},
		{"a greeting and an end", "a", true, strings.SplitAfter(aText(""), "\n\n")[0] + ka("message_stop", ""), refused, other},
		{"an end alone", "a", true, ka("message_stop", ""), refused, other},
		{"no choices", "o", false, `{"choices":[]}`, refused, other},
		{"a choice without anything", "o", false, `{"choices":[{"index":0,"message":{"role":"assistant","content":null},"finish_reason":null}]}`, refused, other},
		{"a message without anything", "a", false, `{"type":"message","role":"assistant","content":[],"stop_reason":null}`, refused, other},
		{"empty, stop", "o", true, k(`{"content":""}`) + oFin + oDone, whole, other},
		{"empty, end_turn", "a", true, aText("") + aDelta("end_turn") + ka("message_stop", ""), whole, other},
		{"empty, stop", "o", false, `{"choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"stop"}]}`, whole, other},
		{"empty, end_turn", "a", false, `{"type":"message","role":"assistant","content":[],"stop_reason":"end_turn","usage":{"input_tokens":7,"output_tokens":1}}`, whole, other},
		{"empty, length", "o", true, k(`{"content":""}`) + strings.Replace(oFin, "stop", "length", 1) + oDone, whole, whole},
		{"empty, filtered", "o", false, `{"choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"content_filter"}]}`, whole, whole},
		{"no finish", "o", true, k(`{"content":"Hel"}`) + oDone, cut, cut},
		{"no finish", "a", true, aText("Hel") + ka("message_stop", ""), cut, cut},
		{"no finish, no end", "a", true, aText("Hel"), cut, cut},
		{"no finish", "o", false, `{"choices":[{"index":0,"message":{"role":"assistant","content":"Hel"},"finish_reason":null}]}`, refused, other},
		{"no finish", "a", false, `{"type":"message","role":"assistant","content":[{"type":"text","text":"Hel"}],"stop_reason":null}`, refused, other},
		{"one of two unfinished", "o", true, k(`{"content":"Hel"}`) + strings.ReplaceAll(k(`{"content":"lo"}`), `"index":0`, `"index":1`) + oFin, cut, cut},
		{"last frame without its blank line", "o", true, k(`{"content":"Hello"}`) + strings.TrimSuffix(oFin, "\n\n"), whole, whole},
		{"last frame without its blank line", "a", true, aText("Hello") + strings.TrimSuffix(aDelta("end_turn")+ka("message_stop", ""), "\n\n"), whole, whole},
		{"a stop reason, but no end", "a", true, aText("Hello") + aDelta("end_turn"), whole, whole},
		{"a stop reason without its blank line", "a", true, aText("Hello") + strings.TrimSuffix(aDelta("end_turn"), "\n\n"), whole, whole},
		{"half a stop reason", "a", true, aText("Hello") + aDelta("end_turn")[:60], cut, cut},
		{"an error without data", "o", true, k(`{"content":"Hel"}`) + "event: error\n\n" + oFin + oDone, cut, cut},
		{"an error without data", "a", true, aText("Hel") + "event: error\ndata:\n\n" + aDelta("end_turn") + ka("message_stop", ""), cut, cut},
		{"null between", "o", true, k(`{"content":"Hello"}`) + "data: null\n\n" + oFin + oDone, whole, whole},
		{"null between", "a", true, aText("Hello") + "data: null\n\n" + aDelta("end_turn") + ka("message_stop", ""), whole, whole},
		{"a number between", "o", true, k(`{"content":"Hello"}`) + "data: 7\n\n" + oFin + oDone, cut, cut},
		{"a list between", "a", true, aText("Hello") + "data: [1]\n\n" + aDelta("end_turn") + ka("message_stop", ""), cut, cut},
		{"tools only", "o", true, k(`{"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]}`) + strings.Replace(oFin, "stop", "tool_calls", 1) + oDone, whole, whole},
		{"a refusal only", "o", false, `{"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"no"},"finish_reason":"stop"}]}`, whole, whole},
		{"70 comments first", "o", true, strings.Repeat(": keep-alive\n\n", 70) + k(`{"content":"Hello"}`) + oFin + oDone, whole, whole},
		{"70 empty deltas first", "o", true, strings.Repeat(k(`{"content":""}`), 70) + k(`{"content":"Hello"}`) + oFin + oDone, whole, whole},
		{"70 pings first", "a", true, strings.Repeat(ka("ping", ""), 70) + aText("Hello") + aDelta("end_turn") + ka("message_stop", ""), whole, whole},
	}
	for name, body := range errors {
		cases = append(cases,
			reply{"content, then an error in " + name + " shape", "o", true, k(`{"content":"Hel"}`) + "data: " + body + "\n\n" + oDone, cut, cut},
			reply{"content, then an error in " + name + " shape", "a", true, aText("Hel") + "data: " + body + "\n\n", cut, cut},
			reply{"an error in " + name + " shape", "o", true, "data: " + body + "\n\n" + oDone, refused, other},
			reply{"an error in " + name + " shape", "a", true, "event: error\ndata: " + body + "\n\n", refused, other},
			reply{"an error in " + name + " shape", "o", false, body, refused, other},
			reply{"an error in " + name + " shape", "a", false, body, refused, other})
	}
	for _, c := range cases {
		for model, want := range map[string]string{"-alone": c.alone, "-first": c.withOther} {
			name := c.dialect + model + "/" + c.name
			if !c.stream {
				name += ", plain"
			}
			t.Run(name, func(t *testing.T) {
				up.answers(c.stream, c.body)
				body := `{"model":"` + c.dialect + model + `","messages":[{"role":"user","content":"` + t.Name() + `"}]}`
				if c.stream {
					body = strings.Replace(body, `,`, `,"stream":true,`, 1)
				}
				for range 2 { // an empty answer must not come from the cache
					h.health.Forget(c.dialect)
					resp, got := h.post(t, body)
					if seen := ending(resp, string(got), c.stream); seen != want && !(want == cut && seen == refused) {
						t.Fatalf("the caller got it %s, want %s: %d %s", seen, want, resp.StatusCode, got)
					}
					if resp.Header.Get("X-Penstock-Cache") == "hit" && strings.HasPrefix(c.name, "empty") {
						t.Error("an empty answer came from the cache")
					}
				}
			})
		}
	}
}

// ending returns how a reply ended.
func ending(resp *http.Response, got string, stream bool) string {
	done := !stream || strings.HasSuffix(got, oDone)
	failed := strings.Contains(got, `{"error":`)
	switch {
	case resp.StatusCode != 200 && failed:
		return refused
	case strings.Contains(got, "other") && done && !failed:
		return other
	case done && !failed:
		return whole
	case !done && failed:
		return cut
	}
	return "as nonsense"
}
