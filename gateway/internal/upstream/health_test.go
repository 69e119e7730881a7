package upstream

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestLongRests(t *testing.T) {
	tests := []struct {
		name     string
		o        Outcome
		want     time.Duration
		provider bool // all the provider's targets rest
	}{
		{"bad key", Outcome{Fault: llm.FaultAuth, Status: 401, Credential: true}, 5 * time.Minute, true},
		{"no money", Outcome{Fault: llm.FaultQuota, Status: 402, Credential: true}, 5 * time.Minute, true},
		{"quota", Outcome{Fault: llm.FaultQuota, Status: 429}, 5 * time.Minute, false},
		{"quota for longer", Outcome{Fault: llm.FaultQuota, Status: 429, RetryAfter: time.Hour, Credential: true}, time.Hour, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWatch(t)
			f, _ := w.Begin("p/m", "one")
			second, _ := w.begin("p/m")
			f.Done(tt.o)
			if other, ok := w.Begin("p/other", "one"); ok { // the same request falls back
				other.Done(tt.o)
			}
			if tt.o.RetryAfter == 0 {
				w.lets("p/m", true) // one request is no proof
			}
			w.lets("p/other", tt.o.RetryAfter == 0)
			second.Done(tt.o)
			w.rests(tt.want, string(tt.o.Fault))
			w.lets("p/m", false)
			w.lets("p/third", !tt.provider)
			w.lets("q/m", true)
			w.Forgive("p")
			w.rests(0, "")
			w.lets("p/m", true)
		})
	}
}

// TestWhatAKeyMayNotUse is no reason for a long rest: it may be the request's.
func TestWhatAKeyMayNotUse(t *testing.T) {
	w := newWatch(t)
	for range 3 {
		w.lets("p/m", true)
		w.report(Outcome{Fault: llm.FaultAuth, Status: 403})
	}
	w.rests(5*time.Second, "auth")
	w.lets("p/other", true)
}

// TestASuccessDismissesTheSuspicion has a key that is refused for some requests only.
func TestASuccessDismissesTheSuspicion(t *testing.T) {
	w := newWatch(t)
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
	w.rests(0, "")
}

func TestHarmlessFaults(t *testing.T) {
	w := newWatch(t)
	for range 20 {
		for _, f := range []llm.Fault{llm.FaultBadRequest, llm.FaultContentPolicy, llm.FaultContextLength, llm.FaultTransform, llm.FaultCanceled, llm.FaultRefused} {
			w.report(Outcome{Fault: f, Status: 400})
		}
		w.report(Outcome{Fault: llm.FaultMalformed, Status: 400})
	}
	w.rests(0, "")
	if r := w.Stats("p/m").ErrorRate; r != 0 {
		t.Errorf("error rate = %v, want 0: none of this is the target's fault", r)
	}
}

// TestMissingThings has a target that says not found: of something that a request refers
// to while it answers others, and of itself once it has answered nobody for a minute.
func TestMissingThings(t *testing.T) {
	w := newWatch(t)
	w.report(Outcome{})
	for range 20 {
		w.report(Outcome{Fault: llm.FaultNotFound, Status: 404})
	}
	w.lets("p/m", true)
	w.now = w.now.Add(time.Minute)
	for range 3 {
		w.report(Outcome{Fault: llm.FaultNotFound, Status: 404})
	}
	w.lets("p/m", false)
}

// TestConflictsSayNothing has requests that get in each other's way.
func TestConflictsSayNothing(t *testing.T) {
	w := newWatch(t)
	for range 20 {
		w.report(Outcome{Fault: llm.FaultServer, Status: 409})
		w.now = w.now.Add(time.Second)
	}
	w.lets("p/m", true)
	w.rests(0, "")
}

// TestRateLimits has the provider name a time: until then nobody asks it.
func TestRateLimits(t *testing.T) {
	w := newWatch(t)
	one, _ := w.begin("p/m")
	two, _ := w.begin("p/m")
	one.Done(Outcome{Fault: llm.FaultRateLimited, Status: 429, RetryAfter: time.Minute})
	two.Done(Outcome{Fault: llm.FaultRateLimited, Status: 429, RetryAfter: time.Second})
	w.rests(time.Minute, "rate_limited")
	w.lets("p/m", false)
	w.lets("p/other", true)
	w.now = w.now.Add(time.Minute)
	w.lets("p/m", true)
	w.report(Outcome{Fault: llm.FaultRateLimited, Status: 429}) // no time is named
	w.rests(time.Second, "rate_limited")
	w.lets("p/m", true)
}

func TestStats(t *testing.T) {
	w := newWatch(t)
	if s := w.Stats("p/m"); s.RemainingRequests != -1 || s.RemainingTokens != -1 || s.TTFT != 0 || s.TPS != 0 {
		t.Errorf("figures of an unknown target = %+v", s)
	}
	w.report(Outcome{FirstToken: 200 * time.Millisecond, Duration: 1200 * time.Millisecond, OutputTokens: 50, Header: http.Header{
		"X-Ratelimit-Remaining-Requests": {"59"}, "X-Ratelimit-Reset-Requests": {"10s"},
		"X-Ratelimit-Remaining-Tokens": {"1000"}, "Anthropic-Ratelimit-Input-Tokens-Remaining": {"700"}}})
	s := w.Stats("p/m")
	if s.TTFT != 200*time.Millisecond || s.TPS != 50 || s.RemainingRequests != 59 || s.RemainingTokens != 700 {
		t.Errorf("figures = %+v", s)
	}
	w.now = w.now.Add(10 * time.Second)
	w.report(Outcome{FirstToken: 400 * time.Millisecond, Duration: time.Second})
	s = w.Stats("p/m")
	if s.TTFT <= 300*time.Millisecond || s.TTFT >= 400*time.Millisecond || s.TPS != 50 {
		t.Errorf("after ten seconds a new figure gives %v, want most of its weight", s.TTFT)
	}
	if s.RemainingRequests != -1 || s.RemainingTokens != 700 {
		t.Errorf("remaining after the reset = %d, %d, want unknown and 700", s.RemainingRequests, s.RemainingTokens)
	}
}

func TestErrorRateFades(t *testing.T) {
	w := newWatch(t)
	w.report(Outcome{Fault: llm.FaultServer})
	w.report(Outcome{Fault: llm.FaultServer})
	fresh := w.Stats("p/m").ErrorRate
	w.now = w.now.Add(5 * time.Minute)
	if old := w.Stats("p/m").ErrorRate; fresh < 0.5 || fresh > 1 || old > 0.01 {
		t.Errorf("error rate = %v, five minutes later %v", fresh, old)
	}
}

// TestHealthModel walks through random outcomes and pauses, and asserts what must
// hold whatever happens.
func TestHealthModel(t *testing.T) {
	faults := []llm.Fault{"", "", "", llm.FaultServer, llm.FaultNetwork, llm.FaultTimeout, llm.FaultRateLimited,
		llm.FaultQuota, llm.FaultAuth, llm.FaultCanceled, llm.FaultBadRequest, llm.FaultCut}
	rapid.Check(t, func(rt *rapid.T) {
		now := testNow
		h := NewHealth(HealthOptions{}, func() time.Time { return now })
		var flying []Flight
		var lastHarm time.Time
		rt.Repeat(map[string]func(*rapid.T){
			"begin": func(rt *rapid.T) {
				why, _ := h.Resting("p/m")
				f, ok := h.Begin("p/m", rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(rt, "request"))
				if (why == "") != ok {
					rt.Fatalf("Begin says %v, Resting %q", ok, why)
				}
				if ok {
					flying = append(flying, f)
				}
			},
			"done": func(rt *rapid.T) {
				if len(flying) == 0 {
					rt.Skip("nothing flies")
				}
				i := rapid.IntRange(0, len(flying)-1).Draw(rt, "which")
				o := Outcome{Fault: rapid.SampledFrom(faults).Draw(rt, "fault"), Status: rapid.SampledFrom([]int{0, 401, 402, 403, 429, 500}).Draw(rt, "status"),
					Credential: rapid.Bool().Draw(rt, "credential"), RetryAfter: time.Duration(rapid.IntRange(0, 20).Draw(rt, "asked")) * time.Second}
				flying[i].Done(o)
				flying = append(flying[:i], flying[i+1:]...)
				if o.Fault != llm.FaultNone {
					lastHarm = now
				}
			},
			"first token": func(rt *rapid.T) {
				if len(flying) > 0 {
					flying[len(flying)-1].FirstToken()
				}
			},
			"wait": func(rt *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 60_000).Draw(rt, "ms")) * time.Millisecond)
			},
			"": func(rt *rapid.T) {
				s := h.Stats("p/m")
				why, until := h.Resting("p/m")
				ok := why == ""
				if s.Inflight != int64(len(flying)) {
					rt.Fatalf("inflight = %d, want %d", s.Inflight, len(flying))
				}
				if ok != until.IsZero() || !ok && (!until.After(now) || s.CoolingFor != why || s.CoolingUntil.Before(until)) {
					rt.Fatalf("Resting = %v, %q, %v and Stats say %q, %v at %v", ok, why, until, s.CoolingFor, s.CoolingUntil, now)
				}
				if s.ErrorRate < 0 || s.ErrorRate > 1 {
					rt.Fatalf("error rate = %v", s.ErrorRate)
				}
				if !ok && until.After(now.Add(5*time.Minute)) {
					rt.Fatalf("rests until %v at %v", until, now)
				}
				// However things went, a target is back five minutes after the last harm
				// and thirty seconds after the last probe.
				if !ok && now.Sub(lastHarm) > 5*time.Minute && len(flying) == 0 {
					rt.Fatalf("still rests for %q %v after the last harm", why, now.Sub(lastHarm))
				}
			},
		})
	})
}

func TestHealthHammer(t *testing.T) {
	var mu sync.Mutex
	now := testNow
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Millisecond)
		return now
	}
	h := NewHealth(HealthOptions{Known: func(id string) bool { return id != "p1/m2" }}, clock)
	budget := NewRetryBudget(RetryBudgetOptions{}, clock)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			for i := range 2000 {
				id := fmt.Sprintf("p%d/m%d", rnd.IntN(2), rnd.IntN(3))
				h.Resting(id)
				h.Stats(id)
				budget.Deposit()
				if f, ok := h.Begin(id, fmt.Sprint(g, i)); ok {
					f.FirstToken()
					f.Done(Outcome{Fault: []llm.Fault{"", llm.FaultServer, llm.FaultAuth}[rnd.IntN(3)], Status: 403, Credential: rnd.IntN(2) == 0, Duration: time.Second, OutputTokens: 3})
				} else {
					budget.Withdraw()
				}
				if i%500 == 0 {
					h.Forgive("p0")
					h.Retain([]string{"p0", "p1"}, func(id string) bool { return id != "p0/m1" })
				}
			}
		})
	}
	wg.Wait()
	for _, id := range []string{"p0/m0", "p1/m1"} {
		if n := h.Stats(id).Inflight; n != 0 {
			t.Errorf("inflight of %s = %d after all is done", id, n)
		}
	}
}

func BenchmarkFlight(b *testing.B) {
	h := NewHealth(HealthOptions{}, time.Now)
	header := http.Header{"X-Ratelimit-Remaining-Requests": {"59"}, "X-Ratelimit-Reset-Requests": {"10s"}, "Content-Type": {"x"}}
	o := Outcome{FirstToken: time.Second, Duration: 2 * time.Second, OutputTokens: 100, Header: header}
	b.ReportAllocs()
	for b.Loop() {
		f, ok := h.Begin("openai/gpt-5", "r")
		if !ok {
			b.Fatal("refused")
		}
		f.Done(o)
	}
}

func BenchmarkStats(b *testing.B) {
	h := NewHealth(HealthOptions{}, time.Now)
	f, _ := h.Begin("openai/gpt-5", "r")
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
	h.Begin("p/m", "r")
	header := http.Header{"X-Ratelimit-Remaining-Requests": {"59"}, "X-Ratelimit-Reset-Requests": {"1m0.2s"}}
	if n := testing.AllocsPerRun(100, func() {
		h.Resting("p/m")
		h.Stats("p/m")
		f, _ := h.Begin("p/m", "r")
		f.Done(Outcome{Header: header, Duration: time.Second})
	}); n != 0 {
		t.Errorf("a call's share of Health allocates %v times, want 0", n)
	}
}
