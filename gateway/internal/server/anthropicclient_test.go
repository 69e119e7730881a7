package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

const toOpenAI = `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/gpt-x], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`

// askClaude is a request of an Anthropic client.
func askClaude(stream bool) string {
	return fmt.Sprintf(`{"model":"m","max_tokens":99,"stream":%t,"messages":[{"role":"user","content":"hi"}]}`, stream)
}

// TestAnthropicClientAtOpenAI has every provider that speaks OpenAI's format answer an
// Anthropic client: each recorded reply must become a message that its own clients read, and
// a stream the same message as the plain reply that it adds up to. What an OpenAI client is
// answered with an error is one for an Anthropic client, too.
func TestAnthropicClientAtOpenAI(t *testing.T) {
	skipRaced(t)
	up := &replayer{}
	h := openTestServer(t, up, toOpenAI)
	all, right := map[string]int{}, map[string]int{}
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return r.Endpoint == "chat.completions" }) {
		all[rec.Provider]++
		t.Run(rec.Path, func(t *testing.T) {
			up.current.Store(rec)
			h.health.Forget("up")
			want, chat := h.post(t, askOpenAI(rec.Stream))
			h.health.Forget("up")
			resp, got := h.postTo(t, "/messages", askClaude(rec.Stream))
			switch {
			case want.StatusCode != http.StatusOK || rec.Stream && !strings.Contains(string(chat), "data: [DONE]"):
				checkMessagesFailure(t, resp, got)
			case rec.Stream:
				h.checkSameWhole(t, got)
			default:
				dialecttest.ReadMessage(t, got)
			}
			if !t.Failed() {
				right[rec.Provider]++
			}
		})
	}
	for _, provider := range slices.Sorted(maps.Keys(all)) {
		t.Logf("%s: %d of %d replies are right for an Anthropic client", provider, right[provider], all[provider])
	}
}

func askOpenAI(stream bool) string {
	return fmt.Sprintf(`{"model":"m","stream":%t,"messages":[{"role":"user","content":"hi"}]}`, stream)
}

// checkSameWhole asks for a plain reply, where the last one was a stream, and wants the same
// message. A stream that can't be joined for a client of any kind is not compared.
func (h *testServer) checkSameWhole(t *testing.T, frames []byte) {
	t.Helper()
	h.health.Forget("up")
	streamed, failed := dialecttest.ReadMessageStream(t, string(frames))
	if failed != "" {
		t.Fatalf("the stream fails with %s", failed)
	}
	resp, body := h.postTo(t, "/messages", askClaude(false))
	if resp.StatusCode != http.StatusOK {
		checkMessagesError(t, resp, body)
		return
	}
	if diff := cmp.Diff(dialecttest.ReadMessage(t, body), streamed, cmpopts.IgnoreFields(dialecttest.Message{}, "ID")); diff != "" {
		t.Errorf("message (-plain +streamed):\n%s\n%s\n%s", diff, body, frames)
	}
}

// checkMessagesFailure wants an error in Anthropic's form, in the place of a reply or within a
// stream: that depends on whether some of the stream has been sent.
func checkMessagesFailure(t *testing.T, resp *http.Response, got []byte) {
	t.Helper()
	if resp.StatusCode != http.StatusOK {
		checkMessagesError(t, resp, got)
	} else if _, failed := dialecttest.ReadMessageStream(t, string(got)); failed == "" {
		t.Errorf("an OpenAI client gets an error, this one %s", got)
	}
}

// checkMessagesError wants an error in Anthropic's form.
func checkMessagesError(t *testing.T, resp *http.Response, got []byte) {
	t.Helper()
	var e struct {
		Type  string
		Error struct{ Type, Message string }
	}
	if err := json.Unmarshal(got, &e); err != nil || resp.StatusCode < 400 || e.Type != "error" || e.Error.Type == "" || e.Error.Message == "" {
		t.Errorf("%d %s is no error of Anthropic's", resp.StatusCode, got)
	}
}
