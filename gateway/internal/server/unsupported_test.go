package server

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// claudes are routes to a provider that speaks Anthropic's format, and to one that
// speaks OpenAI's for what the first can't do.
const claudes = `
keys: off
providers:
  an: {dialect: anthropic, base_url: $UPSTREAM/an, allow_private: true, api_key: env:TEST_KEY}
  up: {dialect: openai, base_url: $UPSTREAM/up, allow_private: true}
models:
  drop: {targets: [an/claude-sonnet-4-5], retries: {attempts: 1}}
  reject: {targets: [an/claude-sonnet-4-5], on_unsupported: reject}
  both: {targets: [an/claude-sonnet-4-5], fallback: [up/m], on_unsupported: reject}
  new: {targets: [an/claude-opus-4-8]}
  either: {targets: [an/claude-opus-4-8], fallback: [up/m]}
ledger: "sqlite://:memory:"
`

// answering serves one reply in both formats and keeps the body that came last.
func answering(body *string) http.Handler {
	c := llmtest.Chat{Text: "The wheel turns."}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		*body = string(sent)
		stream := gjson.GetBytes(sent, "stream").Bool()
		switch {
		case strings.HasPrefix(r.URL.Path, "/up") && stream:
			llmtest.Handler(llmtest.Frames(c.OpenAIChunks(false)...)).ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/up"):
			llmtest.Handler(llmtest.JSON(200, c.OpenAI())).ServeHTTP(w, r)
		case stream:
			llmtest.Handler(llmtest.Frames(c.AnthropicEvents()...)).ServeHTTP(w, r)
		default:
			llmtest.Handler(llmtest.JSON(200, c.Anthropic())).ServeHTTP(w, r)
		}
	})
}

// TestDroppedMembersAreReported asks Anthropic for what it can't do.
func TestDroppedMembersAreReported(t *testing.T) {
	var body string
	h := openTestServer(t, answering(&body), claudes)
	asked := `"messages":[{"role":"user","content":"hi"}],"seed":0,"n":2,"logprobs":true,"stop":"\n","presence_penalty":0,"frequency_penalty":0.5`
	for _, stream := range []string{"", `,"stream":true`} {
		resp, got := h.post(t, `{"model":"drop",`+asked+stream+`}`)
		if resp.StatusCode != 200 {
			t.Fatalf("drop%s: %d %s", stream, resp.StatusCode, got)
		}
		want := []string{"stop", "seed", "n", "logprobs", "frequency_penalty"}
		if diff := cmp.Diff(strings.Join(want, ", "), resp.Header.Get("X-Penstock-Dropped")); diff != "" {
			t.Errorf("drop%s: header (-want +got):\n%s", stream, diff)
		}
		r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Request-Id"))
		if err != nil || cmp.Diff(want, r.Attempts[0].Dropped) != "" {
			t.Errorf("drop%s: the record says %+v, %v", stream, r, err)
		}

		body = ""
		resp, got = h.post(t, `{"model":"reject",`+asked+stream+`}`)
		if e := gjson.GetBytes(got, "error"); resp.StatusCode != 400 || e.Get("param").Str != "stop" || e.Get("code").Str != "unsupported_parameter" || body != "" {
			t.Errorf("reject%s: %d %s after the provider got %q", stream, resp.StatusCode, got, body)
		}

		resp, got = h.post(t, `{"model":"both",`+asked+stream+`}`)
		if resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Target") != "up/m" || resp.Header.Get("X-Penstock-Dropped") != "" || gjson.Get(body, "seed").Raw != "0" {
			t.Errorf("both%s: %d %v %s", stream, resp.StatusCode, resp.Header, got)
		}
	}
	resp, _ := h.post(t, `{"model":"reject","messages":[{"role":"user","content":"hi"}],"n":1,"logprobs":false,"seed":null}`)
	if resp.StatusCode != 200 || resp.Header["X-Penstock-Dropped"] != nil {
		t.Errorf("what changes nothing: %d %v", resp.StatusCode, resp.Header)
	}
}

// TestInexpressibleRequestsGoElsewhere sends what a target would refuse: it is refused
// with the member at fault, or served by a target that takes it. The target's health is
// none the worse.
func TestInexpressibleRequestsGoElsewhere(t *testing.T) {
	var body string
	h := openTestServer(t, answering(&body), claudes)
	for messages, param := range map[string]string{
		`[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]`:                                          "messages[1]",
		`[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://example.com/a.png"}}]}]`:           "messages[0].content[0].image_url",
		`[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/svg+xml;base64,PHN2Zz4="}}]}]`: "messages[0].content[0].image_url",
		`[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]`:           "messages[0].content[0]",
	} {
		for range 8 {
			resp, got := h.post(t, `{"model":"new","messages":`+messages+`}`)
			if e := gjson.GetBytes(got, "error"); resp.StatusCode != 400 || e.Get("param").Str != param || e.Get("type").Str != "invalid_request_error" {
				t.Fatalf("%s: %d %s, want 400 for %s", messages, resp.StatusCode, got, param)
			}
		}
		resp, got := h.post(t, `{"model":"either","messages":`+messages+`}`)
		if resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Target") != "up/m" {
			t.Errorf("%s: %d %v %s, want it served by up/m", messages, resp.StatusCode, resp.Header, got)
		}
	}
	resp, got := h.post(t, `{"model":"new","messages":[{"role":"user","content":"a"}]}`)
	if resp.StatusCode != 200 {
		t.Errorf("afterwards: %d %s", resp.StatusCode, got)
	}
	r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Request-Id"))
	if err != nil || r.Attempts[0].Fault != llm.FaultNone {
		t.Errorf("afterwards: %+v, %v", r, err)
	}
}

// TestExplainForeseesWhatIsDropped explains requests without sending them.
func TestExplainForeseesWhatIsDropped(t *testing.T) {
	var body string
	h := openTestServer(t, answering(&body), claudes)
	explain := func(request string) *llm.Record {
		facts, cache, err := intake.Scan([]byte(request), intake.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return h.explain(t.Context(), &llm.Request{ID: "dry-run", Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, Body: []byte(request), Facts: facts, Cache: cache})
	}
	r := explain(`{"model":"drop","messages":[{"role":"user","content":"hi"}],"seed":1}`)
	if diff := cmp.Diff([]string{"seed"}, r.Candidates[0].Dropped); diff != "" || r.Candidates[0].Refused != "" {
		t.Errorf("drop: dropped (-want +got):\n%s, refused %q", diff, r.Candidates[0].Refused)
	}
	r = explain(`{"model":"both","messages":[{"role":"user","content":"hi"}],"seed":1}`)
	if !strings.Contains(r.Candidates[0].Refused, "seed") || r.Candidates[1].Refused != "" || body != "" {
		t.Errorf("both: %+v, and the provider got %q", r.Candidates, body)
	}
}
