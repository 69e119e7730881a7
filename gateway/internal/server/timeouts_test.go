package server

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestTimeoutsReachTheRoute holds that what a model and its targets say about waiting is
// what the pipeline goes by.
func TestTimeoutsReachTheRoute(t *testing.T) {
	h := openTestServer(t, http.NotFoundHandler(), `
keys: off
models:
  plain: {targets: [demo/demo]}
  own:
    targets: [demo/demo, {target: demo/demo-fast, timeout: {first_token: 30s, ping_idle: 5m}}]
    timeout: {first_token: 3s, idle: 4s, ping_idle: 1m, keep_alive: 0, total: 2m}
    empty: pass
ledger: sqlite://penstock.db
`)
	plain, err := h.snapshot.Load().routes.Named("plain")
	if err != nil {
		t.Fatal(err)
	}
	want := llm.Timeouts{FirstToken: 12 * time.Second, Idle: 20 * time.Second, PingIdle: 2 * time.Minute, KeepAlive: 5 * time.Second, Total: 10 * time.Minute}
	if diff := cmp.Diff(want, plain.Timeout); diff != "" || plain.EmptyPass {
		t.Errorf("the defaults (-want +got):\n%s\nempty answers pass: %t", diff, plain.EmptyPass)
	}
	own, err := h.snapshot.Load().routes.Named("own")
	if err != nil {
		t.Fatal(err)
	}
	want = llm.Timeouts{FirstToken: 3 * time.Second, Idle: 4 * time.Second, PingIdle: time.Minute, Total: 2 * time.Minute}
	if diff := cmp.Diff(want, own.Timeout); diff != "" || !own.EmptyPass {
		t.Errorf("the model's own (-want +got):\n%s\nempty answers pass: %t", diff, own.EmptyPass)
	}
	if diff := cmp.Diff(llm.Timeouts{FirstToken: 30 * time.Second, PingIdle: 5 * time.Minute}, own.Targets[1].Timeout); diff != "" {
		t.Errorf("the target's own (-want +got):\n%s", diff)
	}
}

// TestStalledPlainReply has a target that falls silent in the middle of a plain reply. It is
// not waited for beyond timeout.idle, nor asked again: the next one answers.
func TestStalledPlainReply(t *testing.T) {
	var asked atomic.Int64
	up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		whole := llmtest.Chat{Text: "from there"}.OpenAI()
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(r.URL.Path, "/second") {
			_, _ = io.WriteString(w, whole)
			return
		}
		asked.Add(1)
		_, _ = io.WriteString(w, "\n\n"+whole[:len(whole)/2])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	h := openTestServer(t, readFirst(up), `
keys: off
providers:
  first: {dialect: openai, base_url: $UPSTREAM/first, allow_private: true, api_key: env:TEST_KEY}
  second: {dialect: openai, base_url: $UPSTREAM/second, allow_private: true, api_key: env:TEST_KEY}
models:
  m: {targets: [first/x], fallback: [second/y], retries: {attempts: 3}, timeout: {idle: 50ms, total: 1m}}
ledger: sqlite://penstock.db
`)
	resp, body := h.post(t, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`)
	if resp.StatusCode != 200 || !strings.Contains(string(body), "from there") || resp.Header.Get("X-Penstock-Target") != "second/y" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the silent target was asked %d times", n)
	}
}

// TestStreamWithoutTerminator has a stream in which all has been said, while its connection
// stays open. It is complete, and is not waited for as long as one that is under way.
func TestStreamWithoutTerminator(t *testing.T) {
	frames := llmtest.Chat{Text: "from there"}.OpenAIChunks(true)
	up := llmtest.Handler(llmtest.Steps(llmtest.Frames(frames[:len(frames)-1]...), llmtest.Stall()))
	h := openTestServer(t, readFirst(up), `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/x], timeout: {idle: 1h, total: 2h}}}
ledger: sqlite://penstock.db
`)
	resp, body := h.post(t, `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`)
	if text := string(body); resp.StatusCode != 200 || !strings.Contains(text, "[DONE]") || !strings.Contains(text, `"completion_tokens":5`) || strings.Contains(text, `"error"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
