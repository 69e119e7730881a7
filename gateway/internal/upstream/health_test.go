package upstream

import (
	"net/http"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestDeniedCooldowns(t *testing.T) {
	tests := []struct {
		name     string
		o        Outcome
		want     time.Duration
		provider bool // all the provider's targets cool down
	}{
		{"bad key", Outcome{Fault: llm.FaultAuth, Status: 401, Credential: true}, 5 * time.Minute, true},
		{"no money", Outcome{Fault: llm.FaultQuota, Status: 402, Credential: true}, 5 * time.Minute, true},
		{"quota", Outcome{Fault: llm.FaultQuota, Status: 429}, 5 * time.Minute, false},
		{"quota for longer", Outcome{Fault: llm.FaultQuota, Status: 429, RetryAfter: time.Hour, Credential: true}, time.Hour, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestHealth(t)
			f, _ := w.Begin("p/m", Asking{Request: "one"})
			second, _ := w.begin("p/m")
			f.Done(tt.o)
			if other, ok := w.Begin("p/other", Asking{Request: "one"}); ok { // the same request falls back
				other.Done(tt.o)
			}
			if tt.o.RetryAfter == 0 {
				w.wantAllowed("p/m", true) // one request is no proof
			}
			w.wantAllowed("p/other", tt.o.RetryAfter == 0)
			second.Done(tt.o)
			w.wantCooldown(tt.want, string(tt.o.Fault))
			w.wantAllowed("p/m", false)
			w.wantAllowed("p/third", !tt.provider)
			w.wantAllowed("q/m", true)
			w.Forget("p")
			w.wantCooldown(0, "")
			w.wantAllowed("p/m", true)
		})
	}
}

// TestWhatAKeyMayNotUse is no reason for a long cooldown: it may be the request's fault.
func TestWhatAKeyMayNotUse(t *testing.T) {
	w := newTestHealth(t)
	for range 3 {
		w.wantAllowed("p/m", true)
		w.report(Outcome{Fault: llm.FaultAuth, Status: 403})
	}
	w.wantCooldown(5*time.Second, "auth")
	w.wantAllowed("p/other", true)
}

// TestASuccessResetsRefusals has a key that is refused for some requests only.
func TestASuccessResetsRefusals(t *testing.T) {
	w := newTestHealth(t)
	for range 20 {
		w.report(Outcome{Fault: llm.FaultAuth, Status: 401, Credential: true})
		f, _ := w.begin("p/other")
		f.Done(Outcome{})
		w.report(Outcome{Fault: llm.FaultAuth, Status: 403})
		for range 5 {
			w.report(Outcome{})
		}
	}
	w.report(Outcome{Fault: llm.FaultAuth, Status: 401, Credential: true})
	w.now = w.now.Add(6 * time.Minute)
	w.report(Outcome{Fault: llm.FaultAuth, Status: 401, Credential: true})
	w.wantCooldown(0, "")
}

func TestHarmlessFaults(t *testing.T) {
	w := newTestHealth(t)
	for range 20 {
		for _, f := range []llm.Fault{llm.FaultBadRequest, llm.FaultContentPolicy, llm.FaultContextLength, llm.FaultTransform, llm.FaultCanceled, llm.FaultRefused} {
			w.report(Outcome{Fault: f, Status: 400})
		}
		w.report(Outcome{Fault: llm.FaultMalformed, Status: 400})
	}
	w.wantCooldown(0, "")
	if r := w.Stats("p/m").ErrorRate; r != 0 {
		t.Errorf("error rate = %v, want 0: none of this is the target's fault", r)
	}
}

// TestMissingThings has a target that answers 404: for something that a request refers to
// while it answers others, and for itself once it has answered no request for a minute.
func TestMissingThings(t *testing.T) {
	w := newTestHealth(t)
	w.report(Outcome{})
	for range 20 {
		w.report(Outcome{Fault: llm.FaultNotFound, Status: 404})
	}
	w.wantAllowed("p/m", true)
	w.now = w.now.Add(time.Minute)
	for range 3 {
		w.report(Outcome{Fault: llm.FaultNotFound, Status: 404})
	}
	w.wantAllowed("p/m", false)
}

// TestConflictsSayNothing has requests that conflict with each other.
func TestConflictsSayNothing(t *testing.T) {
	w := newTestHealth(t)
	for range 20 {
		w.report(Outcome{Fault: llm.FaultServer, Status: 409})
		w.now = w.now.Add(time.Second)
	}
	w.wantAllowed("p/m", true)
	w.wantCooldown(0, "")
}

// TestRateLimits has the provider name a time: until then it is not called.
func TestRateLimits(t *testing.T) {
	w := newTestHealth(t)
	one, _ := w.begin("p/m")
	two, _ := w.begin("p/m")
	one.Done(Outcome{Fault: llm.FaultRateLimited, Status: 429, RetryAfter: time.Minute})
	two.Done(Outcome{Fault: llm.FaultRateLimited, Status: 429, RetryAfter: time.Second})
	w.wantCooldown(time.Minute, "rate_limited")
	w.wantAllowed("p/m", false)
	w.wantAllowed("p/other", true)
	w.now = w.now.Add(time.Minute)
	w.wantAllowed("p/m", true)
	w.report(Outcome{Fault: llm.FaultRateLimited, Status: 429}) // without a time
	w.wantCooldown(time.Second, "rate_limited")
	w.wantAllowed("p/m", true)
}

func TestStats(t *testing.T) {
	w := newTestHealth(t)
	if s := w.Stats("p/m"); s.RemainingRequests != -1 || s.RemainingTokens != -1 || s.TTFT != 0 || s.TPS != 0 {
		t.Errorf("figures of an unknown target = %+v", s)
	}
	w.report(Outcome{FirstToken: 200 * time.Millisecond, Duration: 1200 * time.Millisecond, OutputTokens: 50, Header: http.Header{
		"X-Ratelimit-Remaining-Requests": {"59"}, "X-Ratelimit-Reset-Requests": {"10s"},
		"X-Ratelimit-Remaining-Tokens": {"1000"}, "Anthropic-Ratelimit-Input-Tokens-Remaining": {"700"}}})
	s := w.Stats("p/m")
	if s.TTFT != llm.Millis(200*time.Millisecond) || s.TPS != 50 || s.RemainingRequests != 59 || s.RemainingTokens != 700 {
		t.Errorf("figures = %+v", s)
	}
	w.now = w.now.Add(10 * time.Second)
	w.report(Outcome{FirstToken: 400 * time.Millisecond, Duration: time.Second})
	s = w.Stats("p/m")
	if s.TTFT <= llm.Millis(300*time.Millisecond) || s.TTFT >= llm.Millis(400*time.Millisecond) || s.TPS != 50 {
		t.Errorf("after ten seconds a new figure gives %v, want most of its weight", time.Duration(s.TTFT))
	}
	if s.RemainingRequests != -1 || s.RemainingTokens != 700 {
		t.Errorf("remaining after the reset = %d, %d, want unknown and 700", s.RemainingRequests, s.RemainingTokens)
	}
}

func TestStatsOfFirstTokens(t *testing.T) {
	w := newTestHealth(t)
	if s := w.Stats("p/m"); s.TTFTP50 != 0 || s.TTFTP95 != 0 || s.Samples != 0 || s.RequestsLeft != -1 || s.TokensLeft != -1 {
		t.Errorf("figures of an unknown target = %+v", s)
	}
	for i := range 20 {
		first := 100 * time.Millisecond
		if i%4 == 0 {
			first = 4 * time.Second
		}
		w.report(Outcome{FirstToken: first, Duration: 2 * first})
	}
	w.report(Outcome{Duration: time.Hour}) // a plain reply, whose first token nobody saw
	w.report(Outcome{Fault: llm.FaultServer, Status: 500, Header: http.Header{
		"X-Ratelimit-Remaining-Requests": {"30"}, "X-Ratelimit-Limit-Requests": {"120"}, "X-Ratelimit-Reset-Requests": {"10s"}}})
	s := w.Stats("p/m")
	near(t, "p50", time.Duration(s.TTFTP50), 100*time.Millisecond)
	near(t, "p95", time.Duration(s.TTFTP95), 4*time.Second)
	if s.Samples != 22 || s.RequestsLeft != 0.25 || s.TokensLeft != -1 {
		t.Errorf("figures = %+v, want 22 samples and a quarter of the requests left", s)
	}
	w.now = w.now.Add(30 * time.Second)
	if s := w.Stats("p/m"); s.Samples != 11 || s.RequestsLeft != -1 {
		t.Errorf("figures after 30 seconds = %+v, want 11 samples and the reset limit unknown", s)
	}
}

func TestErrorRateFades(t *testing.T) {
	w := newTestHealth(t)
	w.report(Outcome{Fault: llm.FaultServer})
	w.report(Outcome{Fault: llm.FaultServer})
	fresh := w.Stats("p/m").ErrorRate
	w.now = w.now.Add(5 * time.Minute)
	if old := w.Stats("p/m").ErrorRate; fresh < 0.5 || fresh > 1 || old > 0.01 {
		t.Errorf("error rate = %v, five minutes later %v", fresh, old)
	}
}

func BenchmarkFlight(b *testing.B) {
	h := NewHealth(HealthOptions{}, time.Now)
	header := http.Header{"X-Ratelimit-Remaining-Requests": {"59"}, "X-Ratelimit-Reset-Requests": {"10s"}, "Content-Type": {"x"}}
	o := Outcome{FirstToken: time.Second, Duration: 2 * time.Second, OutputTokens: 100, Header: header}
	b.ReportAllocs()
	for b.Loop() {
		f, ok := h.Begin("openai/gpt-5", Asking{Request: "r"})
		if !ok {
			b.Fatal("refused")
		}
		f.Done(o)
	}
}

func BenchmarkStats(b *testing.B) {
	h := NewHealth(HealthOptions{}, time.Now)
	f, _ := h.Begin("openai/gpt-5", Asking{Request: "r"})
	f.Done(Outcome{FirstToken: time.Second, Duration: 2 * time.Second, OutputTokens: 100})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			h.Stats("openai/gpt-5")
		}
	})
}

func TestHealthAllocatesNothing(t *testing.T) {
	h := NewHealth(HealthOptions{}, time.Now)
	h.Begin("p/m", Asking{Request: "r"})
	header := http.Header{"X-Ratelimit-Remaining-Requests": {"59"}, "X-Ratelimit-Reset-Requests": {"1m0.2s"}}
	if n := testing.AllocsPerRun(100, func() {
		h.Cooling("p/m")
		h.Stats("p/m")
		f, _ := h.Begin("p/m", Asking{Request: "r"})
		f.Done(Outcome{Header: header, Duration: time.Second})
	}); n != 0 {
		t.Errorf("a call's share of Health allocates %v times, want 0", n)
	}
}
