package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestCountTokens passes every recorded count through, byte for byte.
func TestCountTokens(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {"*": {targets: ["up/*"], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	all, same := 0, 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return r.Provider == "anthropic" && r.Endpoint == "count_tokens" }) {
		all++
		up.current.Store(rec)
		up.asked.Store(nil)
		h.health.Forget("up")
		resp, got := h.postTo(t, "/messages/count_tokens?beta=true", rec.RequestBody)
		asked := up.asked.Load()
		if resp.StatusCode != rec.Status || string(got) != string(rec.Body) || asked == nil || string(*asked) != rec.RequestBody {
			t.Errorf("%s: %d %s\n%s", rec.Path, resp.StatusCode, got, cmp.Diff(string(rec.Body), string(got)))
			continue
		}
		if resp.StatusCode == 200 && (resp.Header.Get("X-Penstock-Cost-Usd") != "0" || resp.Header.Get("X-Penstock-Estimated") != "") {
			t.Errorf("%s: cost %q, estimated %q, want nothing", rec.Path, resp.Header.Get("X-Penstock-Cost-Usd"), resp.Header.Get("X-Penstock-Estimated"))
		}
		same++
	}
	t.Logf("%d of %d recorded counts pass byte for byte", same, all)
}

// TestCompact passes every recorded shortening of a conversation through, byte for byte, and
// refuses it at a target that could not read the result.
func TestCompact(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, `
keys: off
providers:
  up: {dialect: openai, also: [openai-responses], base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
  chat: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
models: {"chat/*": {targets: ["chat/*"]}, "*": {targets: ["up/*"], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	all, same := 0, 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return r.Endpoint == "responses.compact" && r.RequestBody != "" }) {
		all++
		up.current.Store(rec)
		up.asked.Store(nil)
		h.health.Forget("up")
		resp, got := h.postTo(t, "/responses/compact", rec.RequestBody)
		asked := up.asked.Load()
		if resp.StatusCode != rec.Status || string(got) != string(rec.Body) || asked == nil || string(*asked) != rec.RequestBody {
			t.Errorf("%s: %d %s\n%s", rec.Path, resp.StatusCode, got, cmp.Diff(string(rec.Body), string(got)))
			continue
		}
		same++
	}
	t.Logf("%d of %d recorded compactions pass byte for byte", same, all)
	if resp, got := h.postTo(t, "/responses/compact", `{"model":"chat/x","input":"hi"}`); resp.StatusCode != 400 || !strings.Contains(string(got), "Responses API") {
		t.Errorf("at a chat provider: %d %s, want a refusal", resp.StatusCode, got)
	}
}

// TestCountTokensIsEstimated wants an estimate where the target can't be asked, which costs
// nothing and takes nothing from a budget.
func TestCountTokensIsEstimated(t *testing.T) {
	h := openTestServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the upstream was asked for %s", r.URL.Path) }), `
keys: required
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY, catalog: openai}}
models: {m: {targets: [up/gpt-5]}}
ledger: sqlite://penstock.db
`)
	_, token, err := h.keys.Create(t.Context(), keys.Spec{Name: "poor", Budget: llm.Budget{Max: 1, Window: "day"}})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("word ", 300)
	for path, tt := range map[string]struct{ body, want string }{
		"/messages/count_tokens":   {`{"model":"m","messages":[{"role":"user","content":"` + text + `"}]}`, `{"input_tokens":5`},
		"/responses/input_tokens":  {`{"model":"m","input":"` + text + `"}`, `{"object":"response.input_tokens","input_tokens":5`},
		"/messages/count_tokens?x": {`{"model":"m","stream":true,"max_tokens":5,"messages":[{"role":"user","content":"` + text + `"}]}`, `{"input_tokens":5`},
	} {
		resp, got := h.postTo(t, path, tt.body, "X-Api-Key", token.Reveal())
		if resp.StatusCode != 200 || !strings.HasPrefix(string(got), tt.want) || resp.Header.Get("X-Penstock-Estimated") != "input_tokens" {
			t.Errorf("%s: %d %s, estimated %q", path, resp.StatusCode, got, resp.Header.Get("X-Penstock-Estimated"))
		}
	}
	if resp, got := h.postTo(t, "/messages/count_tokens", `{"model":"m","messages":[]}`, "X-Api-Key", token.Reveal()); resp.StatusCode != 400 || !strings.Contains(string(got), `"type":"error"`) {
		t.Errorf("no messages: %d %s", resp.StatusCode, got)
	}
	if resp, got := h.postTo(t, "/messages/count_tokens", `{"model":"x","messages":[{"role":"user","content":"hi"}]}`, "X-Api-Key", token.Reveal()); resp.StatusCode != 404 {
		t.Errorf("an unknown model: %d %s", resp.StatusCode, got)
	}
}
