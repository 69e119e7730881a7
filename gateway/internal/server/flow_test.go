package server

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestNothingWaitsForWhatMayNotCome writes content together with something that makes
// no further event, or half of one, and goes on only once the content has reached the
// caller.
func TestNothingWaitsForWhatMayNotCome(t *testing.T) {
	next := k(`{"content":"lo"}`)
	begun, aNext := aText("Hel"), ka("content_block_start", `,"index":1,"content_block":{"type":"text","text":"lo"}`)
	aStop := ka("content_block_stop", `,"index":0`)
	begun = strings.TrimSuffix(begun, aStop)
	usage := `data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}` + "\n\n"
	for _, tt := range []struct{ name, model, first, rest string }{
		{"half a frame", "o", k(`{"content":"Hel"}`) + next[:40], next[40:] + oFin + oDone},
		{"all but a frame's last byte", "o", k(`{"content":"Hel"}`) + next[:len(next)-1], next[len(next)-1:] + oFin + oDone},
		{"a hidden frame", "o", k(`{"content":"Hel"}`) + usage, next + oFin + oDone},
		{"null", "o", k(`{"content":"Hel"}`) + "data: null\n\n", next + oFin + oDone},
		{"a ping", "a", begun + ka("ping", ""), aNext + aDelta("end_turn") + ka("message_stop", "")},
		{"the end of a block", "a", begun + aStop, aNext + aDelta("end_turn") + ka("message_stop", "")},
		{"half an event", "a", begun + aNext[:40], aNext[40:] + aDelta("end_turn") + ka("message_stop", "")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen := make(chan struct{})
			up := llmtest.Handler(llmtest.Steps(llmtest.EventStream(), llmtest.Write(tt.first), llmtest.Wait(seen), llmtest.Write(tt.rest)))
			h := openTestServer(t, up, `
keys: off
providers:
  o: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
  a: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
models:
  o: {targets: [o/m], retries: {attempts: 1}}
  a: {targets: [a/m], retries: {attempts: 1}}
ledger: sqlite://penstock.db
`)
			resp := h.send(t, `{"model":"`+tt.model+`","stream":true,"messages":[{"role":"user","content":"hi"}]}`)
			defer resp.Body.Close()
			r := bufio.NewReader(resp.Body)
			for line := ""; !strings.Contains(line, "Hel"); {
				var err error
				if line, err = r.ReadString('\n'); err != nil {
					t.Fatalf("the content did not come: %v", err)
				}
			}
			close(seen)
			rest, err := io.ReadAll(r)
			if err != nil || !strings.Contains(string(rest), `"lo"`) || !strings.HasSuffix(string(rest), oDone) {
				t.Errorf("the rest = %s, %v", rest, err)
			}
		})
	}
}

// TestLargeEvent passes an image of 1.1 MB in one event, and says what is wrong with
// one beyond the bound, which is not tried again.
func TestLargeEvent(t *testing.T) {
	image := k(`{"role":"assistant","content":"","images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("A", 1_100_000) + `"}}]}`)
	asked := atomic.Int32{}
	up := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, image+oFin+oDone)
	})
	const config = `
keys: off
providers: {o: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {o: {targets: [o/m]}}
ledger: sqlite://penstock.db
`
	const ask = `{"model":"o","stream":true,"messages":[{"role":"user","content":"draw"}]}`
	resp, got := openTestServer(t, up, config).post(t, ask)
	if resp.StatusCode != 200 || string(got) != image+oFin+oDone {
		t.Errorf("%d with %d bytes, want the %d of the provider", resp.StatusCode, len(got), len(image+oFin+oDone))
	}
	asked.Store(0)
	resp, got = openTestServer(t, up, config+"server: {max_reply: 1MiB}\n").post(t, ask)
	if resp.StatusCode != 502 || !strings.Contains(string(got), "1048576 bytes (server.max_reply)") || asked.Load() != 1 {
		t.Errorf("beyond the bound: %d %s after %d tries", resp.StatusCode, got, asked.Load())
	}
}

// TestSpeedOfPlainReplies joins the pipeline and the health of targets: the time to the first
// token and the speed that a plain reply gives add up to its time, and no percentile is seen.
func TestSpeedOfPlainReplies(t *testing.T) {
	const tokens = 1000
	inside := atomic.Int64{}
	up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		_, _ = io.Copy(io.Discard, r.Body)
		reply := llmtest.Chat{Text: "Hello"}.OpenAI()
		reply = strings.Replace(reply, `"completion_tokens":5`, `"completion_tokens":1000`, 1)
		inside.Store(int64(time.Since(start)))
		llmtest.Handler(llmtest.JSON(200, reply)).ServeHTTP(w, r)
	})
	h := openTestServer(t, up, `
keys: off
providers: {o: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {o: {targets: [o/m]}}
ledger: sqlite://penstock.db
`)
	start := time.Now()
	resp, got := h.post(t, `{"model":"o","messages":[{"role":"user","content":"hi"}]}`)
	outside := time.Since(start)
	if resp.StatusCode != 200 || !json.Valid(got) {
		t.Fatalf("%d %s", resp.StatusCode, got)
	}
	s := h.health.Stats("o/m")
	low, high := time.Duration(inside.Load()).Seconds(), outside.Seconds()
	took := time.Duration(s.TTFT).Seconds() + tokens/s.TPS
	if s.TTFT <= 0 || s.TTFTP50 != 0 || took < low || took > high {
		t.Errorf("first token after %v, %.0f tokens/s, %v s in all; want %v to %v s", time.Duration(s.TTFT), s.TPS, took, low, high)
	}
}
