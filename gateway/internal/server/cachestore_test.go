package server

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// eventually waits until a condition holds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	giveUp := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-giveUp:
			t.Fatal("it took too long")
		}
	}
}

// TestGatewaysShareReplies has two gateways with one store: what one has asked for is a hit of
// the other, also in another format and mode, until it is purged. Without the store both go on.
func TestGatewaysShareReplies(t *testing.T) {
	socket, stop := llmtest.Redis(t)
	var calls atomic.Int64
	up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		llmtest.Handler(llmtest.JSON(200, llmtest.Chat{Text: "fine"}.OpenAI())).ServeHTTP(w, r)
	})
	configuration := `
keys: off
providers: {up: {base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/x], cache: {ttl: 1m}}}
cache: {store: "unix://` + socket + `", secret: env:TEST_SECRET}
ledger: sqlite://penstock.db
`
	a, b := openTestServer(t, up, configuration), openTestServer(t, up, configuration)
	for _, s := range []*testServer{a, b} {
		eventually(t, func() bool { return !s.cacheStore.Stats().Down })
	}
	state := func(s *testServer, path, body string) string {
		t.Helper()
		resp, got := s.postTo(t, path, body)
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(got), "fine") {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, got)
		}
		return resp.Header.Get("X-Penstock-Cache")
	}
	const chat = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
	if got := state(a, "/chat/completions", chat); got != "miss" {
		t.Fatalf("the first request is a %s", got)
	}
	eventually(t, func() bool { return state(b, "/chat/completions", chat) == "hit" })
	before := calls.Load()
	if got := state(b, "/messages", `{"model":"m","max_tokens":4096,"stream":true,"messages":[{"role":"user","content":"hi"}]}`); got != "miss" {
		t.Errorf("a request with another bound on output is a %s", got)
	}
	if got := state(b, "/responses", `{"model":"m","input":"hi"}`); got != "hit" || calls.Load() != before+1 {
		t.Errorf("the same in another format is a %s after %d calls", got, calls.Load()-before)
	}
	if err := a.purge(t.Context(), admin.Purge{What: admin.PurgeModel, Name: "m"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return b.cacheStore.Purged(time.Now().Add(-time.Minute), "model m") })
	before = calls.Load()
	eventually(t, func() bool { return state(b, "/chat/completions", chat) == "miss" || calls.Load() > before })
	stop()
	if err := a.purge(t.Context(), admin.Purge{What: admin.PurgeAll}); err == nil {
		t.Error("a purge that the store was not told of is no error")
	}
	for i := range 5 {
		state(a, "/chat/completions", strings.Replace(chat, "hi", strings.Repeat("hi", i+1), 1))
	}
	eventually(t, func() bool { return a.cacheStore.Stats().Down })
	if ok, detail := a.ready(); !ok || detail.(readiness).CacheStore == "" {
		t.Errorf("without its store the gateway is ready: %v, %+v", ok, detail)
	}
}
