package server

import (
	"io"
	"net/http"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestRecordsShowTheFiguresOfCandidates has a session's second request recorded with what its
// first one has left at the target.
func TestRecordsShowTheFiguresOfCandidates(t *testing.T) {
	up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-RateLimit-Remaining-Tokens", "250")
		w.Header().Set("X-RateLimit-Limit-Tokens", "1000")
		_, _ = io.WriteString(w, k(`{"content":"Hello"}`)+oFin+`data: {"choices":[],"usage":{"prompt_tokens":6,"completion_tokens":1}}`+"\n\n"+oDone)
	})
	h := openTestServer(t, up, `
keys: off
providers: {o: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {o: {targets: [o/m]}}
ledger: sqlite://penstock.db
`)
	ask := func(session string) llm.Considered {
		resp, got := h.post(t, `{"model":"o","stream":true,"messages":[{"role":"user","content":"How is the weather today?"}]}`, "X-Penstock-Session", session)
		if resp.StatusCode != 200 {
			t.Fatalf("%d %s", resp.StatusCode, got)
		}
		r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
		if err != nil || r.Session != session {
			t.Fatalf("session %q, %v", r.Session, err)
		}
		return r.Candidates[0]
	}
	if c := ask("one"); c.CachedPrefix != 0 || c.Stats.Samples != 0 || c.Stats.TTFTP50 != 0 || c.Stats.TokensLeft != -1 {
		t.Errorf("the first request: %+v", c)
	}
	c := ask("one")
	if s := c.Stats; c.CachedPrefix != 6 || s.Samples < 0.9 || s.TTFTP50 <= 0 || s.TTFTP95 < s.TTFTP50 || s.TokensLeft != 0.25 || s.RequestsLeft != -1 {
		t.Errorf("the second request: %+v", c)
	}
	if c := ask("two"); c.CachedPrefix != 0 || c.Stats.Samples < 1.8 {
		t.Errorf("another session: %+v", c)
	}
}
