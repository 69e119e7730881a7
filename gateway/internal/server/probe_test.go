package server

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/upstream"
)

// probed is an upstream that can be down, and counts what it is asked for.
type probed struct {
	down        atomic.Bool
	models, all atomic.Int64
}

func (p *probed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.all.Add(1)
	if r.Method == http.MethodGet {
		p.models.Add(1)
	}
	switch {
	case p.down.Load():
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, `{"object":"list","data":[]}`)
	default:
		llmtest.Handler(llmtest.Model()).ServeHTTP(w, r)
	}
}

// TestProbesNoticeOutagesAndRecovery probes an idle target of every dialect, by its list of models,
// a path and a completion: without a caller's request its circuit opens while it is down and
// closes once it is back, and no figure of speed or errors changes.
func TestProbesNoticeOutagesAndRecovery(t *testing.T) {
	for _, dialect := range []string{"openai", "openai-responses", "anthropic", "gemini", "cohere", "ollama"} {
		for _, ask := range []string{"", ", path: /health", ", ask: completion"} {
			completion := ask == ", ask: completion"
			if completion && (dialect == "cohere" || dialect == "ollama") || ask == ", path: /health" && dialect != "openai" {
				continue // the scripted model does not speak them, and a path is the same for all
			}
			t.Run(dialect+ask, func(t *testing.T) {
				up := &probed{}
				h := openTestServer(t, up, `
keys: off
providers: {p: {dialect: `+dialect+`, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY, probe: {every: 30s`+ask+`}}, q: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models: {m: {targets: [{target: p/m, price: {input: 1, output: 1}}, q/m]}}
ledger: sqlite://penstock.db
`)
				p, now := h.newProber(), time.Now()
				state := func() string { s, _ := h.health.State("p/m"); return s.State }
				up.down.Store(true)
				for range 3 {
					p.step(t.Context(), now)
					now = now.Add(time.Minute)
				}
				if got := state(); got != upstream.Open || up.all.Load() != 3 {
					t.Fatalf("after %d probes of a target that is down its circuit is %s", up.all.Load(), got)
				}
				up.down.Store(false)
				h.health.CloseTarget("p/m")
				p.step(t.Context(), now)
				s := h.health.Stats("p/m")
				if got := state(); got != upstream.Closed || up.all.Load() != 4 {
					t.Errorf("after a probe that was answered the circuit is %s, with %d calls", got, up.all.Load())
				}
				if s.TTFT != 0 || s.TPS != 0 || s.Samples != 0 || s.ErrorRate != 0 || s.Inflight != 0 {
					t.Errorf("probes left the figures %+v", s)
				}
				if completion != (up.models.Load() == 0) {
					t.Errorf("%d of %d calls were for the list of models", up.models.Load(), up.all.Load())
				}
				got := scrapeMetrics(h)
				if !strings.Contains(got, `penstock_probes_total{fault="none",target="p/m"} 1`) || !strings.Contains(got, `penstock_probes_total{fault="server",target="p/m"} 3`) ||
					strings.Contains(got, `penstock_probe_cost_usd_total{target="p/m"}`) != completion || strings.Contains(got, "penstock_requests_total{") {
					t.Errorf("metrics:\n%s", got)
				}
			})
		}
	}
}

// TestProbesLeaveBusyTargetsAlone has no probe of a target that callers use, nor of one that an
// operator has opened, nor a second one before its time.
func TestProbesLeaveBusyTargetsAlone(t *testing.T) {
	up := &probed{}
	h := openTestServer(t, up, `
keys: off
providers: {p: {dialect: openai, base_url: $UPSTREAM, allow_private: true, probe: {every: 30s}}}
models: {m: {targets: [p/m, p/opened, p/flying]}}
ledger: sqlite://penstock.db
`)
	p, now := h.newProber(), time.Now()
	h.health.Open("p/opened", upstream.Indefinitely())
	if f, ok := h.health.Begin("p/flying", upstream.Asking{Request: "r"}); ok {
		defer f.Done(upstream.Outcome{Fault: llm.FaultCanceled})
	}
	if resp, got := h.post(t, `{"model":"m",`+hello+`}`); resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, got)
	}
	p.step(t.Context(), now)
	if n := up.models.Load(); n != 0 {
		t.Errorf("%d probes of targets that are in use or opened", n)
	}
	now = now.Add(time.Minute)
	p.step(t.Context(), now)
	p.step(t.Context(), now.Add(time.Second))
	if n := up.models.Load(); n != 1 {
		t.Errorf("%d probes of the one target that is idle, want 1", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.step(ctx, now.Add(time.Hour)) // the gateway is stopping
	if s, _ := h.health.State("p/m"); s.State != upstream.Closed {
		t.Errorf("a probe that was stopped left the circuit %s", s.State)
	}
}

// scrapeMetrics reads the metrics.
func scrapeMetrics(h *testServer) string {
	w := httptest.NewRecorder()
	h.telemetry.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// TestTheProberStops has it end with its context, in the middle of a probe too.
func TestTheProberStops(t *testing.T) {
	asked := make(chan struct{}, 8)
	up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	h := openTestServer(t, up, `
keys: off
providers: {p: {dialect: openai, base_url: $UPSTREAM, allow_private: true, probe: {every: 1s, timeout: 1m}}}
models: {m: {targets: [p/m]}}
ledger: sqlite://penstock.db
`)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		h.newProber().run(ctx)
		close(ended)
	}()
	<-asked
	cancel()
	<-ended
	if s := h.health.Stats("p/m"); s.Inflight != 0 || s.ErrorRate != 0 {
		t.Errorf("a probe that was stopped left %+v", s)
	}
}
