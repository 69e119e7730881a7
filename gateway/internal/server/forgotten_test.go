package server

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestRequestsAreForgotten: once requests are over, nothing keeps them in memory, be it a timer, a
// queue or a pool. Each has a value in its context that is counted when it is collected.
func TestRequestsAreForgotten(t *testing.T) {
	s := openTestServer(t, http.HandlerFunc(answerAnything), `
listen: 127.0.0.1:0
keys: off
providers: {up: {dialect: openai, base_url: "$UPSTREAM/v1", allow_private: true}}
models:
  m: {targets: [up/m], fallback: [up/n]}
  failing: {targets: [up/f], fallback: [up/g]}
  cached: {targets: [up/m], cache: {ttl: 1h}}
`)
	var made, collected atomic.Int64
	handler := s.Handler()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mark := new([64]byte)
		made.Add(1)
		runtime.AddCleanup(mark, func(struct{}) { collected.Add(1) }, struct{}{})
		handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), markKey{}, mark)))
	}))
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 15 {
				askAll(t, front.URL+"/v1/chat/completions")
			}
		})
	}
	wg.Wait()
	front.Close() // a connection keeps its last request
	for range 100 {
		sweepTimers()
		runtime.GC() // a pool keeps what is in it over one collection
		if collected.Load() == made.Load() {
			return
		}
	}
	t.Errorf("%d of %d requests are still in memory", made.Load()-collected.Load(), made.Load())
}

// markKey is the context's key of a request's mark.
type markKey struct{}

// askAll sends a request of each kind.
func askAll(t *testing.T, url string) {
	for _, c := range []struct {
		body   string
		failed bool
	}{
		{`{"model":"m","messages":[{"role":"user","content":"hi"}]}`, false},
		{`{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`, false},
		{`{"model":"failing","messages":[{"role":"user","content":"fail"}]}`, true},
		{`{"model":"cached","temperature":0,"messages":[{"role":"user","content":"hi"}]}`, false},
	} {
		resp, err := http.Post(url, "application/json", strings.NewReader(c.body))
		if err != nil {
			t.Error(err)
			return
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if (resp.StatusCode != http.StatusOK) != c.failed {
			t.Errorf("%s: %d %s", c.body, resp.StatusCode, text)
		}
	}
}

// answerAnything is a provider that answers plainly or as a stream, and fails where it is asked to.
func answerAnything(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	answer := llmtest.Chat{Text: "hello there"}
	switch {
	case strings.Contains(string(body), "fail"):
		http.Error(w, `{"error":{"message":"down"}}`, http.StatusServiceUnavailable)
	case strings.Contains(string(body), `"stream":true`):
		w.Header().Set("Content-Type", "text/event-stream")
		for _, chunk := range answer.OpenAIChunks(true) {
			_, _ = w.Write(chunk)
			_ = http.NewResponseController(w).Flush()
		}
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer.OpenAI())
	}
}

// sweepTimers has the runtime forget timers that were stopped: it keeps them, with what they hold,
// until they are a fourth of those of a processor.
func sweepTimers() {
	var wg sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var some []*time.Timer
			for range 100 {
				some = append(some, time.AfterFunc(time.Hour, func() {}))
			}
			for _, timer := range some {
				timer.Stop()
			}
			runtime.Gosched()
		})
	}
	wg.Wait()
}
